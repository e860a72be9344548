//! The format `jeton-users/1`: lines of JSON, first a header, then a user on each line.

use crate::domain::{accounts::Account, passwords::PasswordHash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::clock::Timestamp;
use std::{
    io::{self, BufRead, Read as _},
    ops::ControlFlow,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The name of the format, with its version.
pub const FORMAT: &str = "jeton-users/1";

/// The longest line that is read: far more than a user takes.
pub const MAX_LINE: u64 = 256 * 1024;

/// The first line.
#[derive(Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// When it was made, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<String>,
    /// Whether it has password hashes.
    #[serde(default)]
    pub with_hashes: bool,
}

/// A user.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserLine {
    /// The id, if it is a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The system that the user comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The id there, if it is not a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The e-mail address.
    pub email: String,
    /// Whether the address was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// Another address that notices go to, which the user has verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_email: Option<String>,
    /// The user's language: `en`, `uk` or `ru`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The roles; without them, those of whoever registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Custom claims.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub custom: Map<String, Value>,
    /// Whether the user may not log in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// When the user registered, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The password's hash, in a form that docs/import.md lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
}

/// Why a user is not imported. Says where the mistake is, and never what is there: it may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Refusal {
    /// With this reason.
    #[must_use]
    pub fn of(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }

    /// Of JSON. The messages of the parser may quote what they are about.
    #[must_use]
    pub fn of_json(error: &serde_json::Error) -> Self {
        let column = error.column();
        Self(match error.classify() {
            serde_json::error::Category::Data => {
                format!("a field is missing, unknown, or of another type, before column {column}")
            }
            _ => format!("it is not JSON, at column {column}"),
        })
    }
}

/// What was found at a place of the input.
pub struct Entry {
    /// The line, the row of a table, or which user of a document of JSON.
    pub number: u64,
    /// The user, or why there is none.
    pub user: Result<UserLine, Refusal>,
}

/// Takes what was read, and tells whether to go on.
pub type Sink<'a> = dyn FnMut(Entry) -> ControlFlow<()> + 'a;

/// Why an input is not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BadInput {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("{0}")]
    Form(String),
}

/// Reads the format.
///
/// # Errors
/// [`BadInput`].
pub fn read(input: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), BadInput> {
    let mut has_header = false;
    let look_at_header = |line: &str| {
        let header: Option<Header> = serde_json::from_str(line).ok();
        match header.map(|header| header.format) {
            Some(format) if format == FORMAT => Ok(()),
            _ => Err(BadInput::Form(format!("its first line is not a header of {FORMAT}"))),
        }
    };
    each_line(input, |number, line| {
        if !has_header {
            has_header = true;
            let line = line.map_err(|refusal| BadInput::Form(refusal.0))?;
            return look_at_header(line).map(|()| ControlFlow::Continue(()));
        }
        let user = line.and_then(|line| serde_json::from_str(line).map_err(|error| Refusal::of_json(&error)));
        Ok(sink(Entry { number, user }))
    })?;
    if has_header { Ok(()) } else { Err(BadInput::Form("it is empty".to_owned())) }
}

/// Reads line by line, and no more than [`MAX_LINE`] of each. Empty lines are skipped.
///
/// # Errors
/// [`BadInput`].
pub fn each_line(
    input: &mut dyn BufRead,
    mut take: impl FnMut(u64, Result<&str, Refusal>) -> Result<ControlFlow<()>, BadInput>,
) -> Result<(), BadInput> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut *input).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let is_cut = !line.ends_with(b"\n") && line.len() as u64 == MAX_LINE;
        if is_cut {
            skip_line(input)?;
        }
        let text = match str::from_utf8(&line) {
            _ if is_cut => Err(Refusal(format!("the line is longer than {MAX_LINE} bytes"))),
            Ok(text) => Ok(text.trim_start_matches('\u{FEFF}').trim()),
            Err(_) => Err(Refusal::of("it is not UTF-8")),
        };
        if text == Ok("") {
            continue;
        }
        if take(number, text)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn skip_line(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffered = input.fill_buf()?;
        let end = buffered.iter().position(|byte| *byte == b'\n');
        let (skipped, is_over) = (end.map_or(buffered.len(), |end| end + 1), end.is_some() || buffered.is_empty());
        input.consume(skipped);
        if is_over {
            return Ok(());
        }
    }
}

/// A moment to the millisecond.
#[must_use]
pub fn written(moment: Timestamp) -> Option<String> {
    let nanos = i128::from(moment.millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
}

impl UserLine {
    /// An account, with the hash if it is to be exported.
    #[must_use]
    pub fn of(account: Account, hash: Option<PasswordHash>) -> Self {
        let external = account.external;
        Self {
            id: Some(account.id.to_string()),
            source: external.as_ref().map(|known| known.source.clone()),
            external_id: external.map(|known| known.id),
            email: account.email.to_string(),
            email_verified: Some(account.email_verified_at.is_some()),
            second_email: account.second_email.map(|address| address.to_string()),
            language: account.language.map(|language| language.code().to_owned()),
            name: account.name.map(|name| name.as_str().to_owned()),
            roles: Some(account.roles),
            custom: account.custom,
            disabled: account.disabled,
            created_at: written(account.created_at),
            password_hash: hash.filter(|hash| !hash.is_none()).map(|hash| hash.0),
        }
    }
}
