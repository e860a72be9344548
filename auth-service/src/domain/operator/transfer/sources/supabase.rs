//! Supabase: rows of `auth.users`, which `row_to_json` writes.

use super::times::rfc3339;
use crate::domain::operator::transfer::format::{Refusal, UserLine};
use serde::Deserialize;
use serde_json::Value;
use shared::clock::{Clock as _, SystemClock, Timestamp};

#[derive(Deserialize)]
struct Row {
    id: Option<String>,
    email: Option<String>,
    encrypted_password: Option<String>,
    #[serde(default)]
    email_confirmed_at: Value,
    #[serde(default)]
    raw_user_meta_data: Value,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    banned_until: Value,
    #[serde(default)]
    deleted_at: Value,
}

pub(super) fn user(value: Value) -> Result<UserLine, Refusal> {
    let row: Row = serde_json::from_value(value).map_err(|error| Refusal::of_json(&error))?;
    if !row.deleted_at.is_null() {
        return Err(Refusal::of("the user was deleted"));
    }
    let metadata = |name: &str| row.raw_user_meta_data.get(name).and_then(Value::as_str).map(str::to_owned);
    let banned_until = rfc3339(&row.banned_until).and_then(|text| Timestamp::from_rfc3339(&text));
    Ok(UserLine {
        id: row.id,
        email: row.email.filter(|email| !email.is_empty()).ok_or_else(|| Refusal::of("email: there is none"))?,
        email_verified: Some(!row.email_confirmed_at.is_null()),
        name: metadata("full_name").or_else(|| metadata("name")),
        disabled: banned_until.is_some_and(|until| until > SystemClock.now()),
        created_at: rfc3339(&row.created_at),
        password_hash: row.encrypted_password,
        ..UserLine::default()
    })
}
