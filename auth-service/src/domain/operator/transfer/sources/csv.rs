//! A table, whose headings are names of the fields of our own format.

use super::times::rfc3339;
use crate::domain::operator::transfer::format::{BadInput, Entry, Refusal, Sink, UserLine};
use csv::{ReaderBuilder, StringRecord};
use serde_json::Value;
use std::io::BufRead;

const COLUMNS: [&str; 10] = [
    "id",
    "external_id",
    "email",
    "email_verified",
    "name",
    "roles",
    "custom",
    "disabled",
    "created_at",
    "password_hash",
];

pub(super) fn read(input: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), BadInput> {
    let mut table = ReaderBuilder::new().flexible(true).from_reader(input);
    let headings = table.headers().map_err(|error| bad(&error))?.clone();
    let columns: Vec<&str> = headings.iter().map(|heading| heading.trim_start_matches('\u{FEFF}').trim()).collect();
    if let Some(unknown) = columns.iter().find(|heading| !COLUMNS.contains(heading)) {
        let unknown: String = unknown.chars().take(64).collect();
        return Err(BadInput::Form(format!("there is no column {unknown:?}: there are {}", COLUMNS.join(", "))));
    }
    if !columns.contains(&"email") {
        return Err(BadInput::Form("the column email is missing".to_owned()));
    }
    let mut record = StringRecord::new();
    // Rows, as programs for tables count them: a row may have several lines.
    for number in 2.. {
        let user = match table.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => user(&columns, &record),
            Err(error) if error.is_io_error() => return Err(bad(&error)),
            Err(_) => Err(Refusal::of("it is not UTF-8")),
        };
        if sink(Entry { number, user }).is_break() {
            break;
        }
    }
    Ok(())
}

fn bad(error: &csv::Error) -> BadInput {
    BadInput::Form(if error.is_io_error() { "cannot read on" } else { "its headings are not UTF-8" }.to_owned())
}

fn user(columns: &[&str], record: &StringRecord) -> Result<UserLine, Refusal> {
    if record.len() != columns.len() {
        return Err(Refusal(format!("it has {} columns, not {}", record.len(), columns.len())));
    }
    let field = |name: &str| {
        let place = columns.iter().position(|column| *column == name)?;
        record.get(place).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let truth = |name: &str| match field(name).map(|text| text.to_lowercase()).as_deref() {
        None => Ok(None),
        Some("true" | "t" | "yes" | "1") => Ok(Some(true)),
        Some("false" | "f" | "no" | "0") => Ok(Some(false)),
        Some(_) => Err(Refusal(format!("{name}: it is neither true nor false"))),
    };
    let custom = field("custom").map(|text| serde_json::from_str(&text)).transpose();
    Ok(UserLine {
        id: field("id"),
        external_id: field("external_id"),
        email: field("email").ok_or_else(|| Refusal::of("email: there is none"))?,
        email_verified: truth("email_verified")?,
        name: field("name"),
        roles: field("roles")
            .map(|text| text.split([' ', ',', ';']).filter(|role| !role.is_empty()).map(str::to_owned).collect()),
        custom: custom.map_err(|_| Refusal::of("custom: it is not an object of JSON"))?.unwrap_or_default(),
        disabled: truth("disabled")?.unwrap_or_default(),
        created_at: field("created_at").and_then(|text| rfc3339(&Value::String(text))),
        password_hash: field("password_hash"),
        ..UserLine::default()
    })
}
