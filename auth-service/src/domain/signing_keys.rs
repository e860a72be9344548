//! The keys that sign access tokens: made once, sealed in SQL, published for verifiers.

use super::{
    Unavailable,
    key_table::{KeyTable, NewKey, StoredKey},
    secret::{CannotOpen, KeyRing},
};
use arc_swap::ArcSwap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey};
use serde_json::json;
use shared::{access_token::KeySet, clock::Timestamp};
use std::{sync::Arc, time::Duration};

/// The longest life of an access token and the leeway of verifiers: how long a key is published after it last signed.
const PUBLISHED_AFTER: Duration = Duration::from_secs(3600 + 65);

/// The fact in SQL that stops a replica with another root secret.
const SECRET_CHECK: &str = "secret_check";

/// How signing keys are made and published.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// The size of new keys: 2048, 3072 or 4096 bits.
    pub bits: usize,
    /// How long verifiers may cache the key set.
    pub max_age: Duration,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The table did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The database was set up with another root secret.
    #[error(
        "AUTH_SECRET is not the secret that this database was set up with: give that one, or, to replace it, the old one as AUTH_SECRET_PREVIOUS"
    )]
    AnotherSecret,
    /// A sealed key cannot be opened.
    #[error("signing key {kid}: {cause}")]
    CannotOpen {
        /// Which key.
        kid: String,
        /// Why.
        cause: CannotOpen,
    },
    /// A key in the table, or a new one, is no RSA key.
    #[error("signing key: {0}")]
    Malformed(String),
}

/// The key that signs now.
pub struct Signer {
    /// Its thumbprint.
    pub kid: String,
    /// Its private half.
    pub key: EncodingKey,
}

/// The keys as they are at one moment; replaced as a whole.
pub struct ActiveKeys {
    /// Signs.
    pub signer: Signer,
    /// Verifies, at auth-service's own endpoints.
    pub verification: KeySet,
    /// The published JWKS, in JSON.
    pub jwks: String,
    /// Its `ETag`.
    pub etag: String,
    /// When the published set will be another one, if that is known.
    changes_at: Option<Timestamp>,
}

impl ActiveKeys {
    /// For how long an answer given at `now` may be cached: never beyond the next change.
    #[must_use]
    pub fn max_age(&self, now: Timestamp, policy: &KeyPolicy) -> Duration {
        self.changes_at.map_or(policy.max_age, |change| policy.max_age.min(change.since(now)))
    }
}

/// Signing keys, read from the table and swapped without locks.
pub struct SigningKeys {
    table: Arc<dyn KeyTable>,
    secrets: Arc<KeyRing>,
    policy: KeyPolicy,
    active: ArcSwap<ActiveKeys>,
}

impl SigningKeys {
    /// Reads the keys; makes the first one on an empty table.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn open(table: Arc<dyn KeyTable>, secrets: Arc<KeyRing>, policy: KeyPolicy) -> Result<Self, KeyError> {
        check_secret(&*table, &secrets).await?;
        if table.keys().await?.keys.is_empty() {
            let first = make(0, policy.bits, &secrets).await?;
            table.fill(&first).await?;
        }
        let active = ArcSwap::from_pointee(read(&*table, &secrets).await?);
        Ok(Self { table, secrets, policy, active })
    }

    /// Reads the table again: another replica may have changed it.
    ///
    /// # Errors
    /// [`KeyError`]; the keys stay as they were.
    pub async fn reload(&self) -> Result<(), KeyError> {
        self.active.store(Arc::new(read(&*self.table, &self.secrets).await?));
        Ok(())
    }

    /// The keys of this moment.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// How keys are made and published.
    #[must_use]
    pub fn policy(&self) -> &KeyPolicy {
        &self.policy
    }
}

/// Compares the root secret with the one that the database was set up with; while it is being rotated, takes the new
/// one over.
async fn check_secret(table: &dyn KeyTable, secrets: &KeyRing) -> Result<(), KeyError> {
    let check = secrets.current().check();
    let stored = table.fact(SECRET_CHECK, check).await?;
    if stored == check {
        return Ok(());
    }
    let is_previous = secrets.previous().is_some_and(|previous| previous.check() == stored);
    if is_previous && table.replace_fact(SECRET_CHECK, &stored, check).await? {
        return Ok(());
    }
    // Another replica may have been faster with the same replacement.
    if is_previous && table.fact(SECRET_CHECK, check).await? == check {
        return Ok(());
    }
    Err(KeyError::AnotherSecret)
}

async fn make(slot: i64, bits: usize, secrets: &KeyRing) -> Result<NewKey, KeyError> {
    let der = tokio::task::spawn_blocking(move || {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).map_err(|error| error.to_string())?;
        key.to_pkcs1_der().map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| KeyError::Malformed(error.to_string()))?
    .map_err(KeyError::Malformed)?;
    let public = PublicKey::of(&EncodingKey::from_rsa_der(der.as_bytes()))?;
    let sealed = secrets.seal(&public.kid, der.as_bytes());
    Ok(NewKey { slot, kid: public.kid, jwk: public.jwk, sealed, lead: Duration::ZERO })
}

struct PublicKey {
    kid: String,
    jwk: String,
}

impl PublicKey {
    fn of(key: &EncodingKey) -> Result<Self, KeyError> {
        let malformed = |error: jsonwebtoken::errors::Error| KeyError::Malformed(error.to_string());
        let jwk = Jwk::from_encoding_key(key, Algorithm::RS256).map_err(malformed)?;
        let AlgorithmParameters::RSA(public) = &jwk.algorithm else {
            return Err(KeyError::Malformed("not an RSA key".to_owned()));
        };
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(malformed)?;
        let jwk = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": public.n, "e": public.e,
        });
        Ok(Self { kid, jwk: jwk.to_string() })
    }
}

async fn read(table: &dyn KeyTable, secrets: &KeyRing) -> Result<ActiveKeys, KeyError> {
    let rows = table.keys().await?;
    let (signing, published, changes_at) = at(&rows.keys, rows.now);
    let signing = signing.ok_or_else(|| KeyError::Malformed("the table has no key that may sign now".to_owned()))?;
    let der = secrets
        .open(&signing.kid, &signing.sealed)
        .map_err(|cause| KeyError::CannotOpen { kid: signing.kid.clone(), cause })?;
    let jwks =
        format!(r#"{{"keys":[{}]}}"#, published.iter().map(|key| key.jwk.as_str()).collect::<Vec<_>>().join(","));
    let verification = KeySet::from_jwks(jwks.as_bytes()).map_err(|error| KeyError::Malformed(error.to_string()))?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, jwks.as_bytes());
    Ok(ActiveKeys {
        signer: Signer { kid: signing.kid.clone(), key: EncodingKey::from_rsa_der(&der) },
        verification,
        etag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12])),
        jwks,
        changes_at,
    })
}

/// Which key signs at `now`, which are published, and when either changes next.
fn at(keys: &[StoredKey], now: Timestamp) -> (Option<&StoredKey>, Vec<&StoredKey>, Option<Timestamp>) {
    let live: Vec<&StoredKey> = keys.iter().filter(|key| key.revoked_at.is_none_or(|revoked| now < revoked)).collect();
    let signing = live.iter().rev().find(|key| key.active_at <= now).copied();
    // A key is shown from its publication until the last token that it may have signed has expired.
    let gone_at = |index: usize| live.get(index + 1).map(|successor| successor.active_at.plus(PUBLISHED_AFTER));
    let is_published =
        |index: usize, key: &StoredKey| key.published_at <= now && gone_at(index).is_none_or(|gone| now < gone);
    let published =
        live.iter().enumerate().filter(|(index, key)| is_published(*index, key)).map(|(_, key)| *key).collect();
    let changes =
        live.iter().enumerate().flat_map(|(index, key)| [Some(key.published_at), gone_at(index), key.revoked_at]);
    (signing, published, changes.flatten().filter(|change| *change > now).min())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(slot: i64, published: i64, active: i64) -> StoredKey {
        StoredKey {
            slot,
            kid: format!("key {slot}"),
            jwk: "{}".to_owned(),
            sealed: Vec::new(),
            published_at: Timestamp::from_secs(published),
            active_at: Timestamp::from_secs(active),
            revoked_at: None,
        }
    }

    fn slots(keys: &[StoredKey], now: i64) -> (Option<i64>, Vec<i64>, Option<i64>) {
        let (signing, published, changes) = at(keys, Timestamp::from_secs(now));
        (signing.map(|key| key.slot), published.iter().map(|key| key.slot).collect(), changes.map(Timestamp::secs))
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_it_last_signed() {
        let keys = [key(0, 0, 0), key(1, 10_000, 20_000)];
        assert_eq!(slots(&keys, 9_999), (Some(0), vec![0], Some(10_000)));
        assert_eq!(slots(&keys, 10_000), (Some(0), vec![0, 1], Some(23_665)));
        assert_eq!(slots(&keys, 20_000), (Some(1), vec![0, 1], Some(23_665)));
        assert_eq!(slots(&keys, 23_665), (Some(1), vec![1], None));
    }

    #[test]
    fn a_revoked_key_neither_signs_nor_is_published() {
        let mut keys = [key(0, 0, 0), key(1, 0, 0)];
        keys[1].revoked_at = Some(Timestamp::from_secs(50));
        assert_eq!(slots(&keys, 49).0, Some(1));
        assert_eq!(slots(&keys, 50), (Some(0), vec![0], None));
    }
}
