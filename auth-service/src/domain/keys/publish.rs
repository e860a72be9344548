//! The published keys, and the key that signs, at one moment.

use super::{KeyError, KeyPolicy, schedule::Schedule, table::KeyRows};
use crate::domain::secrets::KeyRing;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_verifier::KeySet;
use jsonwebtoken::EncodingKey;
use shared::clock::Timestamp;

/// The key that signs now.
pub struct Signer {
    /// Its thumbprint.
    pub kid: String,
    /// Its private half.
    pub key: EncodingKey,
}

/// The keys at one moment; replaced as a whole.
pub struct ActiveKeys {
    /// The key that signs.
    pub signer: Signer,
    /// The keys that verify tokens at auth-service's own endpoints.
    pub verification: KeySet,
    /// The published JWKS, in JSON.
    pub jwks: String,
    /// Its `ETag`.
    pub etag: String,
    /// When the published set, or the key that signs, will change, if known.
    pub(super) changes_at: Option<Timestamp>,
    pub(super) rows: KeyRows,
    /// This process's time when the rows were read, or when they were last carried forward without the table.
    pub(super) read_at: Timestamp,
    /// This process's time when the table was last read.
    pub(super) confirmed_at: Timestamp,
}

impl ActiveKeys {
    /// The database's time, computed from this process's clock.
    pub(super) fn database_time(&self, now: Timestamp) -> Timestamp {
        self.rows.now.plus(now.since(self.read_at))
    }
}

/// The keys that follow from the rows at the database's time.
///
/// # Errors
/// [`KeyError`]: nothing may sign, or a key cannot be opened or read.
pub(super) fn publish(
    rows: KeyRows,
    read_at: Timestamp,
    secrets: &KeyRing,
    policy: &KeyPolicy,
) -> Result<ActiveKeys, KeyError> {
    let schedule = Schedule::at(&rows.keys, rows.now);
    let signing =
        schedule.signing().ok_or_else(|| KeyError::Malformed("the table has no key that may sign".to_owned()))?;
    let der = secrets
        .open(&signing.kid, &signing.sealed)
        .map_err(|cause| KeyError::CannotOpen { kid: signing.kid.clone(), cause })?;
    let published: Vec<&str> = schedule.published().iter().map(|key| key.jwk.as_str()).collect();
    let jwks = format!(r#"{{"keys":[{}]}}"#, published.join(","));
    let verification = KeySet::from_jwks(jwks.as_bytes()).map_err(|error| KeyError::Malformed(error.to_string()))?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, jwks.as_bytes());
    // A key that is overdue because the table cannot be written must not cause constant retries.
    let due = schedule.next_due(policy.lifetime, policy.lead).filter(|due| *due > rows.now);
    Ok(ActiveKeys {
        signer: Signer { kid: signing.kid.clone(), key: EncodingKey::from_rsa_der(&der) },
        verification,
        etag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12])),
        jwks,
        changes_at: [schedule.next_change(), due].into_iter().flatten().min(),
        rows,
        read_at,
        confirmed_at: read_at,
    })
}
