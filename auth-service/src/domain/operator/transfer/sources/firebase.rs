//! Firebase: `firebase auth:export users.json`. The project's parameters of hashing are shown by its console.

use super::times::rfc3339;
use crate::domain::{
    operator::transfer::format::{Refusal, UserLine},
    passwords::{
        foreign::{FirebaseHashing, Foreign, of_firebase},
        signer_keys::SignerKey,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

/// A project's parameters of hashing.
#[derive(Clone)]
pub struct HashConfig {
    key: Zeroizing<Vec<u8>>,
    hashing: FirebaseHashing,
}

/// Why the parameters of hashing cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing, or not as the console of Firebase shows it")]
pub struct BadHashConfig(pub &'static str);

impl HashConfig {
    /// Reads them as the console shows them (`hash_config { algorithm: SCRYPT, base64_signer_key: … }`), or as JSON.
    ///
    /// # Errors
    /// [`BadHashConfig`].
    pub fn parse(text: &str) -> Result<Self, BadHashConfig> {
        let field = |name: &'static str| {
            let after = text.split_once(name).ok_or(BadHashConfig(name))?.1;
            let value = after
                .trim_start_matches(['"', '\''])
                .trim_start()
                .strip_prefix([':', '='])
                .ok_or(BadHashConfig(name))?;
            let end = |character: char| character.is_whitespace() || ",;}\"'".contains(character);
            Ok(value.trim_start().trim_start_matches(['"', '\'']).split(end).next().unwrap_or_default())
        };
        let bytes = |name| STANDARD.decode(field(name)?).map_err(|_| BadHashConfig(name));
        let number = |name| field(name)?.parse().map_err(|_| BadHashConfig(name));
        let key = Zeroizing::new(bytes("base64_signer_key")?);
        if key.len() != SignerKey::BYTES {
            return Err(BadHashConfig("base64_signer_key"));
        }
        let keyid = SignerKey::new(key.clone()).id();
        let (salt_separator, rounds) = (bytes("base64_salt_separator")?, number("rounds")?);
        let hashing = FirebaseHashing { keyid, salt_separator, rounds, mem_cost: number("mem_cost")? };
        Ok(Self { key, hashing })
    }

    /// The secret key.
    #[must_use]
    pub fn signer_key(&self) -> SignerKey {
        SignerKey::new(self.key.clone())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    local_id: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    display_name: Option<String>,
    password_hash: Option<String>,
    salt: Option<String>,
    #[serde(default)]
    created_at: Value,
    disabled: Option<bool>,
    custom_attributes: Option<String>,
}

pub(super) fn user(value: Value, config: Option<&HashConfig>) -> Result<UserLine, Refusal> {
    let user: User = serde_json::from_value(value).map_err(|error| Refusal::of_json(&error))?;
    let custom = user.custom_attributes.as_deref().filter(|text| !text.is_empty()).map(serde_json::from_str);
    let hash = user.password_hash.filter(|hash| !hash.is_empty());
    Ok(UserLine {
        external_id: user.local_id,
        email: user.email.ok_or_else(|| Refusal::of("email: there is none"))?,
        email_verified: user.email_verified,
        name: user.display_name,
        custom: custom
            .transpose()
            .map_err(|_| Refusal::of("customAttributes: it is not an object of JSON"))?
            .unwrap_or_default(),
        disabled: user.disabled == Some(true),
        created_at: rfc3339(&user.created_at),
        password_hash: hash.map(|hash| stored(&hash, user.salt.as_deref(), config)).transpose()?,
        ..UserLine::default()
    })
}

fn stored(hash: &str, salt: Option<&str>, config: Option<&HashConfig>) -> Result<String, Refusal> {
    let config =
        config.ok_or_else(|| Refusal::of("passwordHash: --hash-config is needed to compare passwords with it"))?;
    match of_firebase(&config.hashing, hash, salt.unwrap_or_default()) {
        Ok(Foreign::Stored(hash)) => Ok(hash.0),
        Ok(Foreign::Weak(_) | Foreign::Keyed(_)) => Err(Refusal::of("passwordHash: the hash is too weak")),
        Err(flaw) => Err(Refusal(format!("passwordHash: {flaw}"))),
    }
}
