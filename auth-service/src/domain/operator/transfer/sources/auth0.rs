//! Auth0: the lines of an export job, with the hashes that its support adds, or a list for its own import.

use super::times::rfc3339;
use crate::domain::operator::transfer::format::{Refusal, UserLine};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct User {
    #[serde(alias = "Id")]
    user_id: Option<String>,
    #[serde(alias = "Email")]
    email: Option<String>,
    #[serde(alias = "Email Verified")]
    email_verified: Option<bool>,
    #[serde(alias = "Name")]
    name: Option<String>,
    #[serde(alias = "Nickname")]
    nickname: Option<String>,
    #[serde(default, alias = "Created At")]
    created_at: Value,
    blocked: Option<bool>,
    #[serde(alias = "passwordHash")]
    password_hash: Option<String>,
    custom_password_hash: Option<CustomHash>,
}

#[derive(Deserialize)]
struct CustomHash {
    algorithm: String,
    hash: HashValue,
}

#[derive(Deserialize)]
struct HashValue {
    value: String,
}

pub(super) fn user(value: Value) -> Result<UserLine, Refusal> {
    let user: User = serde_json::from_value(value).map_err(|error| Refusal::of_json(&error))?;
    let email = user.email.ok_or_else(|| Refusal::of("email: there is none"))?;
    // Without a name, the address is the name.
    let name = [user.name, user.nickname].into_iter().flatten().find(|name| *name != email && !name.is_empty());
    let custom = user.custom_password_hash.map(described).transpose()?;
    Ok(UserLine {
        external_id: user.user_id,
        email_verified: user.email_verified,
        name,
        disabled: user.blocked == Some(true),
        created_at: rfc3339(&user.created_at),
        password_hash: user.password_hash.or(custom),
        email,
        ..UserLine::default()
    })
}

/// Of its algorithms, those whose hashes describe themselves.
fn described(custom: CustomHash) -> Result<String, Refusal> {
    match custom.algorithm.as_str() {
        "argon2" | "bcrypt" | "pbkdf2" | "ldap" => Ok(custom.hash.value),
        _ => Err(Refusal::of("custom_password_hash: its algorithm is none of argon2, bcrypt, pbkdf2 and ldap")),
    }
}
