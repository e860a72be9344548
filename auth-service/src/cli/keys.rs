//! `keys …`.

use super::{Failure, report::Report};
use auth_service::{
    app::Installation,
    domain::keys::{
        commands::{KeyCommandError, KeyStatus},
        schedule::KeyState,
    },
};
use clap::ArgMatches;
use serde_json::{Value, json};
use shared::clock::Timestamp;

/// Shows all keys.
pub async fn list(installation: &Installation) -> Result<Report, Failure> {
    let keys = installation.key_commands().await?.list().await.map_err(|error| error.to_string())?;
    let listed: Vec<Value> = keys.iter().map(as_json).collect();
    Ok(Report { text: table(&keys), json: json!({ "keys": listed }) })
}

/// Publishes the next key.
pub async fn rotate(installation: &Installation) -> Result<Report, Failure> {
    next(installation.key_commands().await?.rotate().await)
}

/// Lets the next key take over early.
pub async fn retire(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    next(installation.key_commands().await?.retire(kid(arguments)).await)
}

/// Withdraws a key.
pub async fn revoke(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let signing = installation.key_commands().await?.revoke(kid(arguments)).await.map_err(|error| error.to_string())?;
    let text = format!(
        "revoked; {} signs now. Tokens of the revoked key are refused everywhere within AUTH_JWKS_MAX_AGE",
        signing.kid
    );
    Ok(Report { text, json: as_json(&signing) })
}

fn kid(arguments: &ArgMatches) -> &str {
    arguments.get_one::<String>("kid").map(String::as_str).unwrap_or_default()
}

fn next(outcome: Result<KeyStatus, KeyCommandError>) -> Result<Report, Failure> {
    let key = outcome.map_err(|error| error.to_string())?;
    let verb = if key.state == KeyState::Active { "has signed since" } else { "is published and signs from" };
    Ok(Report { text: format!("{} {verb} {}", key.kid, key.active_at.rfc3339()), json: as_json(&key) })
}

fn table(keys: &[KeyStatus]) -> String {
    let line = |key: &KeyStatus| {
        let gone = key.gone_at.map_or_else(|| "-".to_owned(), Timestamp::rfc3339);
        let (published, signs) = (key.published_at.rfc3339(), key.active_at.rfc3339());
        format!("{:<43}  {:<7}  {published:<20}  {signs:<20}  {gone}", key.kid, key.state.name())
    };
    let head = format!("{:<43}  {:<7}  {:<20}  {:<20}  {}", "KID", "STATE", "PUBLISHED", "SIGNS FROM", "GONE FROM");
    std::iter::once(head).chain(keys.iter().map(line)).collect::<Vec<_>>().join("\n")
}

fn as_json(key: &KeyStatus) -> Value {
    json!({
        "kid": key.kid,
        "state": key.state.name(),
        "published_at": key.published_at.rfc3339(),
        "signs_from": key.active_at.rfc3339(),
        "gone_from": key.gone_at.map(Timestamp::rfc3339),
    })
}
