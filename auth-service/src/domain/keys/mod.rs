//! The keys that sign access tokens: made, sealed in SQL, published for verifiers, and replaced in time.

pub mod commands;
pub mod root_secret;
pub mod schedule;
pub mod table;

use self::{
    root_secret as signing_secret,
    root_secret::check_secret,
    schedule::Schedule,
    table::{KeyRows, KeyTable, NewKey},
};
use super::{
    Unavailable,
    secrets::{CannotOpen, KeyRing},
};
use arc_swap::ArcSwap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey};
use serde_json::json;
use shared::{
    access_token::KeySet,
    clock::{Clock, Timestamp},
};
use std::{sync::Arc, time::Duration};

/// How late a change that another process made is noticed, at most; a tenth of the cache time if that is less.
const LATEST_NOTICE: Duration = Duration::from_secs(30);
const SOONEST_NOTICE: Duration = Duration::from_millis(250);

/// For how long an operator may look back at keys that are gone or revoked, before they are removed.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// How signing keys are made, published and replaced.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// The size of new keys: 2048, 3072 or 4096 bits.
    pub bits: usize,
    /// How long verifiers may cache the key set.
    pub max_age: Duration,
    /// How long a key signs; zero: until it is replaced by command.
    pub lifetime: Duration,
    /// How long a new key is published before it signs.
    pub lead: Duration,
    /// How long access tokens live.
    pub token_life: Duration,
}

impl KeyPolicy {
    /// How soon what another process changed is noticed.
    #[must_use]
    pub fn notice(&self) -> Duration {
        (self.max_age / 10).clamp(SOONEST_NOTICE, LATEST_NOTICE)
    }

    /// How long a key must have been published so that every verifier has it.
    #[must_use]
    pub fn shortest_lead(&self) -> Duration {
        self.max_age * 2
    }
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
    /// When the published set, or the key that signs, will be another one, if that is known.
    changes_at: Option<Timestamp>,
    rows: KeyRows,
    /// The own clock, when the rows were read, or were last taken further without the table.
    read_at: Timestamp,
    /// The own clock, when the table was last read.
    confirmed_at: Timestamp,
}

impl ActiveKeys {
    /// The database's time, told from the own clock.
    fn database_time(&self, now: Timestamp) -> Timestamp {
        self.rows.now.plus(now.since(self.read_at))
    }
}

/// How old the keys are, for who watches.
#[derive(Debug, Clone, Copy)]
pub struct KeyAges {
    /// For how long the present one has signed.
    pub signing: Duration,
    /// How many verifiers are shown.
    pub published: usize,
    /// How long ago the table was last read.
    pub read: Duration,
}

/// Signing keys, read from the table and swapped without locks.
pub struct SigningKeys {
    pub(in crate::domain) table: Arc<dyn KeyTable>,
    secrets: Arc<KeyRing>,
    policy: KeyPolicy,
    clock: Arc<dyn Clock>,
    active: ArcSwap<ActiveKeys>,
}

impl SigningKeys {
    /// Reads the keys; makes the first one on an empty table.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn open(
        table: Arc<dyn KeyTable>,
        secrets: Arc<KeyRing>,
        policy: KeyPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        check_secret(&*table, &secrets).await?;
        make_due(&*table, &secrets, &policy).await?;
        let rows = kept_up(&*table, &secrets, &policy).await?;
        let active = ArcSwap::from_pointee(compose(rows, clock.now(), &secrets, &policy)?);
        Ok(Self { table, secrets, policy, clock, active })
    }

    /// Makes the next key if it is due, and publishes it unless another process was faster. That takes seconds: what others
    /// do meanwhile is noticed by [`SigningKeys::reload`], beside it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn make_due(&self) -> Result<(), KeyError> {
        make_due(&*self.table, &self.secrets, &self.policy).await
    }

    /// Reads the table again, and does what is due but a new key: seals under the present root secret, removes what is long
    /// gone.
    ///
    /// # Errors
    /// [`KeyError`]; the keys stay as they were, but go on with the time.
    pub async fn reload(&self) -> Result<(), KeyError> {
        let read = kept_up(&*self.table, &self.secrets, &self.policy).await;
        let now = self.clock.now();
        let (rows, confirmed_at, outcome) = match read {
            Ok(rows) => (rows, now, Ok(())),
            Err(error) => {
                let known = self.active();
                let rows = KeyRows { now: known.database_time(now), keys: known.rows.keys.clone() };
                (rows, known.confirmed_at, Err(error))
            }
        };
        match compose(rows, now, &self.secrets, &self.policy) {
            Ok(active) => self.active.store(Arc::new(ActiveKeys { confirmed_at, ..active })),
            Err(error) => return outcome.and(Err(error)),
        }
        outcome
    }

    /// In how long to [`SigningKeys::make_due`] and [`SigningKeys::reload`].
    #[must_use]
    pub fn next_reload(&self) -> Duration {
        let known = self.active();
        let now = known.database_time(self.clock.now());
        let change = known.changes_at.map_or(Duration::MAX, |change| change.since(now));
        change.min(self.policy.notice())
    }

    /// The keys of this moment.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// How keys are made, published and replaced.
    #[must_use]
    pub fn policy(&self) -> &KeyPolicy {
        &self.policy
    }

    /// How old the keys are.
    #[must_use]
    pub fn ages(&self) -> KeyAges {
        let (active, now) = (self.active(), self.clock.now());
        let schedule = Schedule::at(&active.rows.keys, active.database_time(now));
        KeyAges {
            signing: schedule.signing().map_or(Duration::ZERO, |key| active.database_time(now).since(key.active_at)),
            published: schedule.published().len(),
            read: now.since(active.confirmed_at),
        }
    }

    /// For how long the key set may be cached that `active` publishes: never beyond its next change, and so that no verifier
    /// has a key longer than the policy says, though it was withdrawn just before this process noticed.
    #[must_use]
    pub fn max_age(&self, active: &ActiveKeys) -> Duration {
        let longest = self.policy.max_age.saturating_sub(self.policy.notice());
        let now = active.database_time(self.clock.now());
        active.changes_at.map_or(longest, |change| longest.min(change.since(now)))
    }

    /// Makes a key for a slot and publishes it, unless another process was faster.
    pub(in crate::domain) async fn fill(&self, slot: i64, lead: Duration) -> Result<(), KeyError> {
        let key = make(slot, lead, &self.policy, &self.secrets).await?;
        Ok(self.table.fill(&key).await?)
    }
}

async fn make_due(table: &dyn KeyTable, secrets: &KeyRing, policy: &KeyPolicy) -> Result<(), KeyError> {
    let rows = table.keys().await?;
    let schedule = Schedule::at(&rows.keys, rows.now);
    let is_due = schedule.next_due(policy.lifetime, policy.lead).is_some_and(|due| due <= rows.now);
    let lead = match schedule.signing() {
        Some(_) if !is_due => return Ok(()),
        Some(_) => policy.lead,
        // Nobody can log in until there is one: it signs at once.
        None => Duration::ZERO,
    };
    let slot = rows.keys.last().map_or(0, |last| last.slot + 1);
    table.fill(&make(slot, lead, policy, secrets).await?).await?;
    tracing::info!(slot, "a new signing key is published");
    Ok(())
}

/// The rows, after what is due was done.
async fn kept_up(table: &dyn KeyTable, secrets: &KeyRing, policy: &KeyPolicy) -> Result<KeyRows, KeyError> {
    let rows = table.keys().await?;
    let signing = Schedule::at(&rows.keys, rows.now).signing().map(|key| key.slot);
    let is_short = |slot: i64| rows.keys.iter().any(|key| key.slot >= slot && key.token_life < policy.token_life);
    if let Some(slot) = signing.filter(|slot| is_short(*slot)) {
        table.extend(slot, policy.token_life).await?;
    }
    signing_secret::reseal(table, &rows, secrets).await?;
    forget_long_gone(table, &rows).await?;
    Ok(rows)
}

async fn forget_long_gone(table: &dyn KeyTable, rows: &KeyRows) -> Result<(), Unavailable> {
    let schedule = Schedule::at(&rows.keys, rows.now);
    let newest = rows.keys.last().map(|key| key.slot);
    for key in rows.keys.iter().filter(|key| Some(key.slot) != newest) {
        let over = [key.revoked_at, schedule.gone_at(key)].into_iter().flatten().min();
        if over.is_some_and(|over| over.plus(REMEMBERED) < rows.now) {
            table.forget(key.slot).await?;
        }
    }
    Ok(())
}

async fn make(slot: i64, lead: Duration, policy: &KeyPolicy, secrets: &KeyRing) -> Result<NewKey, KeyError> {
    let bits = policy.bits;
    let der = tokio::task::spawn_blocking(move || {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).map_err(|error| error.to_string())?;
        key.to_pkcs1_der().map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| KeyError::Malformed(error.to_string()))?
    .map_err(KeyError::Malformed)?;
    let public = PublicKey::of(&EncodingKey::from_rsa_der(der.as_bytes()))?;
    let sealed = secrets.seal(&public.kid, der.as_bytes());
    Ok(NewKey { slot, kid: public.kid, jwk: public.jwk, sealed, lead, token_life: policy.token_life })
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

fn compose(rows: KeyRows, read_at: Timestamp, secrets: &KeyRing, policy: &KeyPolicy) -> Result<ActiveKeys, KeyError> {
    let schedule = Schedule::at(&rows.keys, rows.now);
    let signing =
        schedule.signing().ok_or_else(|| KeyError::Malformed("the table has none that may sign".to_owned()))?;
    let der = secrets
        .open(&signing.kid, &signing.sealed)
        .map_err(|cause| KeyError::CannotOpen { kid: signing.kid.clone(), cause })?;
    let published: Vec<&str> = schedule.published().iter().map(|key| key.jwk.as_str()).collect();
    let jwks = format!(r#"{{"keys":[{}]}}"#, published.join(","));
    let verification = KeySet::from_jwks(jwks.as_bytes()).map_err(|error| KeyError::Malformed(error.to_string()))?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, jwks.as_bytes());
    // What is overdue, as the table cannot be written, is no reason to ask again and again.
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
