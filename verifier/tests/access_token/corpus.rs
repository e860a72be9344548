//! The table of tokens, against the verifier alone.

use super::*;
use testkit::corpus::{Good, Row, rows};

fn verdict(row: &Row) -> String {
    let good = Good { issuer: Issuer::usual(), claims: claims(NOW), now: NOW };
    // Bytes that are not text are refused before the verifier, which takes only text.
    let Ok(token) = String::from_utf8(row.token(&good)) else { return "Shape".to_owned() };
    match verify(&token) {
        Ok(_) => "ok".to_owned(),
        Err(Refusal::Expired) => "expired".to_owned(),
        Err(Refusal::UnknownKey) => "unknown key".to_owned(),
        Err(Refusal::Invalid(flaw)) => format!("{flaw:?}").replace('"', ""),
        Err(other) => format!("{other:?}"),
    }
}

#[test]
fn every_token_of_the_table_is_accepted_or_refused_as_it_says() {
    let rows = rows();
    assert!(rows.len() > 100);
    let surprises: Vec<String> = rows
        .iter()
        .map(|row| (row, verdict(row)))
        .filter(|(row, verdict)| verdict != row.expect())
        .map(|(row, verdict)| format!("{}: {verdict} instead of {}", row.name(), row.expect()))
        .collect();
    assert!(surprises.is_empty(), "{surprises:#?}");
}
