//! Keycloak: `kc.sh export`, the file of a realm with its users or a file of users only.

use super::times::rfc3339;
use crate::domain::{
    operator::transfer::format::{Refusal, UserLine},
    passwords::foreign::{Foreign, of_keycloak},
};
use serde::Deserialize;
use serde_json::Value;

/// Roles that Keycloak gives everybody for its own purposes.
const OWN_ROLES: [&str; 2] = ["offline_access", "uma_authorization"];
const DEFAULT_ROLES: &str = "default-roles-";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: Option<String>,
    username: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default)]
    created_timestamp: Value,
    enabled: Option<bool>,
    #[serde(default)]
    realm_roles: Vec<String>,
    #[serde(default)]
    credentials: Vec<Credential>,
    service_account_client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    r#type: Option<String>,
    credential_data: Option<String>,
    secret_data: Option<String>,
}

pub(super) fn user(value: Value) -> Result<UserLine, Refusal> {
    let user: User = serde_json::from_value(value).map_err(|error| Refusal::of_json(&error))?;
    if user.service_account_client_id.is_some() {
        return Err(Refusal::of("it is the account of a service"));
    }
    // What Keycloak has verified is the address, and not a name that looks like one.
    let email_verified = user.email_verified.filter(|_| user.email.is_some());
    let email = user.email.or(user.username.filter(|name| name.contains('@')));
    let names = [user.first_name, user.last_name].into_iter().flatten();
    let names: Vec<String> = names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    let is_own = |role: &String| role.starts_with(DEFAULT_ROLES) || OWN_ROLES.contains(&role.as_str());
    let roles: Vec<String> = user.realm_roles.into_iter().filter(|role| !is_own(role)).collect();
    Ok(UserLine {
        id: user.id,
        email: email.ok_or_else(|| Refusal::of("email: there is none"))?,
        email_verified,
        name: Some(names.join(" ")),
        roles: Some(roles).filter(|roles| !roles.is_empty()),
        disabled: user.enabled == Some(false),
        created_at: rfc3339(&user.created_timestamp),
        password_hash: password(&user.credentials)?,
        ..UserLine::default()
    })
}

fn password(credentials: &[Credential]) -> Result<Option<String>, Refusal> {
    let is_password = |credential: &&Credential| credential.r#type.as_deref() == Some("password");
    let Some(found) = credentials.iter().find(is_password) else { return Ok(None) };
    let (Some(data), Some(secret)) = (&found.credential_data, &found.secret_data) else {
        return Err(Refusal::of("credentials: the password lacks credentialData or secretData"));
    };
    match of_keycloak(data, secret) {
        Ok(Foreign::Stored(hash)) => Ok(Some(hash.0)),
        Ok(Foreign::Weak(_) | Foreign::Keyed(_)) => Err(Refusal::of("credentials: the hash is too weak")),
        Err(flaw) => Err(Refusal(format!("credentials: {flaw}"))),
    }
}
