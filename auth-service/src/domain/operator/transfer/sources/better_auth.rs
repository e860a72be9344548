//! better-auth: rows of `user`, with the column `password` of `account`.

use super::times::rfc3339;
use crate::domain::operator::transfer::{
    check::as_text,
    format::{Refusal, UserLine},
};
use serde::Deserialize;
use serde_json::Value;

/// What its plugin for admins calls everybody else.
const ORDINARY: &str = "user";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(default)]
    id: Value,
    email: Option<String>,
    #[serde(default, alias = "email_verified")]
    email_verified: Value,
    name: Option<String>,
    #[serde(default, alias = "created_at")]
    created_at: Value,
    password: Option<String>,
    role: Option<String>,
    #[serde(default)]
    banned: Value,
}

/// SQLite and MySQL have numbers for truth.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_i64().is_some_and(|number| number != 0))
}

pub(super) fn user(value: Value) -> Result<UserLine, Refusal> {
    let row: Row = serde_json::from_value(value).map_err(|error| Refusal::of_json(&error))?;
    let roles = row.role.as_deref().unwrap_or_default().split(',').map(|role| role.trim().to_owned());
    let roles: Vec<String> = roles.filter(|role| !role.is_empty() && role != ORDINARY).collect();
    Ok(UserLine {
        id: as_text(&row.id),
        email: row.email.ok_or_else(|| Refusal::of("email: there is none"))?,
        email_verified: Some(is_true(&row.email_verified)),
        name: row.name,
        roles: Some(roles).filter(|roles| !roles.is_empty()),
        disabled: is_true(&row.banned),
        created_at: rfc3339(&row.created_at),
        password_hash: row.password,
        ..UserLine::default()
    })
}
