//! Checks what is to be imported: whatever could not have been created here is refused.

use super::format::{Refusal, UserLine};
use crate::domain::{
    Language,
    accounts::{
        EmailAddress, ExternalId, PersonName, check_custom,
        roles::{MAX_ROLES, Roles},
        transfer::Arrival,
    },
    passwords::{
        PasswordHash,
        foreign::{Foreign, KeyedHash, WeakHash, described},
        pool::Hasher,
        signer_keys::SignerKey,
    },
};
use serde_json::Value;
use shared::{clock::Timestamp, ids::UserId};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// The most characters of an id of another system, and of the system's name.
const MAX_EXTERNAL_CHARS: usize = 255;
const MAX_SOURCE_CHARS: usize = 32;
/// The most secret keys that hashes of one import bring along. The users of a project share one.
const MAX_SIGNER_KEYS: usize = 64;
/// How UUIDs are written.
const UUID_CHARS: usize = 36;

/// What becomes of the other system's word that an address was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifiedAddresses {
    /// It counts here as well.
    Trust,
    /// All addresses are taken as unverified.
    No,
}

/// What users are checked by.
pub struct Rules {
    /// The name of the system that they come from.
    pub source: String,
    /// Whether that is another installation, which may have names that were valid when they were given.
    pub is_ours: bool,
    /// The roles that exist.
    pub roles: Arc<Roles>,
    /// Which roles replace those of the other system; none, to drop them.
    pub role_map: BTreeMap<String, Vec<String>>,
    /// The role of users without roles.
    pub default_role: String,
    /// Whether addresses are verified that were so there.
    pub verified: VerifiedAddresses,
    /// When a user without such a time is taken to have registered.
    pub now: Timestamp,
    /// Knows which hashes can be used.
    pub hasher: Arc<Hasher>,
    /// The ids of the secret keys that hashes have brought along so far.
    pub signer_keys: Mutex<HashSet<String>>,
}

/// By what a user is recognised if the same file is imported again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// The UUID.
    Id,
    /// The id in the other system.
    ExternalId,
    /// The address: there is no id.
    Email,
}

/// A user who may be imported.
pub struct Candidate {
    /// The user.
    pub user: Arrival,
    /// By what the user is recognised.
    pub known_by: KnownBy,
    /// A hash that is too weak to be stored: another one is to be made of it.
    pub weak: Option<WeakHash>,
    /// A secret key that the hash was made with, and that is to be stored before it.
    pub signer_key: Option<SignerKey>,
    /// The name of the hash's kind.
    pub kind: String,
}

impl Rules {
    /// Checks a user.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, line: UserLine) -> Result<Candidate, Refusal> {
        let email = EmailAddress::parse(line.email.trim())
            .map_err(|_| Refusal::of("email: it is not an e-mail address in ASCII of at most 254 characters"))?;
        let second = line.second_email.as_deref().map(|text| EmailAddress::parse(text.trim())).transpose();
        let second = second.map_err(|_| Refusal::of("second_email: it is not an e-mail address in ASCII"))?;
        let trusts = self.verified == VerifiedAddresses::Trust;
        let name = line.name.as_deref().filter(|name| !name.trim().is_empty());
        let valid = if self.is_ours { PersonName::stored } else { PersonName::parse };
        let name = name.map(valid).transpose().map_err(|error| Refusal(format!("name: {error}")))?;
        check_custom(&line.custom).map_err(|error| Refusal(format!("custom: {error}")))?;
        let (id, external, known_by) = self.identity(line.id, line.source, line.external_id)?;
        let created_at = line.created_at.map(|text| moment(&text)).transpose()?.unwrap_or(self.now);
        let (hash, weak, signer_key) = match self.hash(line.password_hash.as_deref())? {
            Foreign::Stored(hash) => (hash, None, None),
            Foreign::Keyed(KeyedHash { hash, key }) => (hash, None, Some(key)),
            Foreign::Weak(weak) => (PasswordHash::none(), Some(weak), None),
        };
        let kind = kind_of(&hash, weak.as_ref());
        let roles = self.roles_of(line.roles)?;
        let user = Arrival {
            id,
            external,
            email,
            is_verified: line.email_verified == Some(true) && trusts,
            second_email: second.filter(|_| trusts),
            language: line.language.as_deref().and_then(Language::of_tag),
            name,
            hash,
            roles,
            custom: line.custom,
            disabled: line.disabled,
            created_at,
        };
        Ok(Candidate { user, known_by, weak, signer_key, kind })
    }

    fn identity(
        &self,
        id: Option<String>,
        source: Option<String>,
        external_id: Option<String>,
    ) -> Result<(UserId, Option<ExternalId>, KnownBy), Refusal> {
        let uuid = |text: &str| text.parse::<UserId>().ok().filter(|_| text.len() == UUID_CHARS);
        let (id, external_id) = match (id, external_id) {
            (Some(id), external_id) => match (uuid(&id), external_id) {
                (Some(id), external_id) => (Some(id), external_id),
                (None, None) => (None, Some(id)),
                (None, Some(_)) => return Err(Refusal::of("id: it is not a UUID, and there is an external_id")),
            },
            (None, external_id) => (None, external_id),
        };
        let source = source.unwrap_or_else(|| self.source.clone());
        let external = external_id.map(|id| ExternalId { source, id });
        if let Some(ExternalId { source, id }) = &external {
            let is_plain = |text: &str, most: usize| {
                !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
            };
            if !is_plain(id, MAX_EXTERNAL_CHARS) {
                return Err(Refusal::of(
                    "external_id: it is empty, longer than 255 characters, or has control characters",
                ));
            }
            if !is_plain(source, MAX_SOURCE_CHARS) {
                return Err(Refusal::of("source: it is empty, longer than 32 characters, or has control characters"));
            }
        }
        let known_by = match (&id, &external) {
            (Some(_), _) => KnownBy::Id,
            (None, Some(_)) => KnownBy::ExternalId,
            (None, None) => KnownBy::Email,
        };
        Ok((id.unwrap_or_else(UserId::fresh), external, known_by))
    }

    fn roles_of(&self, roles: Option<Vec<String>>) -> Result<Vec<String>, Refusal> {
        let Some(roles) = roles else { return Ok(vec![self.default_role.clone()]) };
        let mut known: Vec<String> = Vec::new();
        for role in roles {
            let mapped = self.role_map.get(&role).cloned().unwrap_or_else(|| vec![role]);
            for role in mapped {
                if !self.roles.has(&role) {
                    return Err(Refusal(format!("roles: there is no role {:?}", shortened(&role))));
                }
                if !known.contains(&role) {
                    known.push(role);
                }
            }
        }
        if known.len() > MAX_ROLES {
            return Err(Refusal(format!("roles: more than {MAX_ROLES}")));
        }
        Ok(known)
    }

    fn hash(&self, text: Option<&str>) -> Result<Foreign, Refusal> {
        let text = text.map(str::trim).filter(|text| !text.is_empty() && *text != PasswordHash::NONE);
        let refused = |flaw| Refusal(format!("password_hash: {flaw}"));
        let Some(found) = text.map(described).transpose().map_err(refused)? else {
            return Ok(Foreign::Stored(PasswordHash::none()));
        };
        let hash = match &found {
            Foreign::Weak(_) => return Ok(found),
            Foreign::Stored(hash) => hash,
            Foreign::Keyed(KeyedHash { hash, key }) => {
                self.learn(key)?;
                hash
            }
        };
        let flaw = self.hasher.flaws(std::slice::from_ref(hash)).next();
        flaw.map_or(Ok(found), |flaw| Err(refused(flaw)))
    }

    fn learn(&self, key: &SignerKey) -> Result<(), Refusal> {
        let (mut known, id) = (self.signer_keys.lock().unwrap_or_else(PoisonError::into_inner), key.id());
        if known.contains(&id) {
            return Ok(());
        }
        if known.len() >= MAX_SIGNER_KEYS {
            return Err(Refusal(format!("password_hash: more than {MAX_SIGNER_KEYS} signer keys (sk) in one import")));
        }
        known.insert(id);
        self.hasher.add_key(key.clone());
        Ok(())
    }
}

fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let moment = Timestamp::from_rfc3339(text.trim());
    moment.ok_or_else(|| Refusal::of("created_at: it is not a time as in 2026-01-31T23:59:59Z (RFC 3339)"))
}

/// Names of roles come from the file, and are shown.
fn shortened(role: &str) -> String {
    role.chars().take(64).collect()
}

/// Such as `argon2id` or `2b`.
fn kind_of(hash: &PasswordHash, weak: Option<&WeakHash>) -> String {
    if let Some(weak) = weak {
        return weak.prefix().split('$').nth(1).unwrap_or_default().to_owned();
    }
    if hash.is_none() {
        return "none".to_owned();
    }
    match hash.0.split('$').nth(1).unwrap_or_default() {
        "2a" | "2b" | "2y" => "bcrypt".to_owned(),
        "5" | "6" => "sha-crypt".to_owned(),
        other => other.to_owned(),
    }
}

/// A value of another system's JSON, as text.
#[must_use]
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
