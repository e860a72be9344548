//! The keys that sign access tokens: created, sealed in SQL, published for verifiers, and replaced in time. And those
//! of other systems, with which imported hashes were made.

mod active;
pub mod commands;
pub mod hash_facts;
mod make;
mod publish;
pub mod root_secret;
pub mod schedule;
pub mod table;
mod upkeep;

pub use self::{
    active::{KeyAges, SigningKeys},
    publish::{ActiveKeys, Signer},
};

use super::{Unavailable, secrets::CannotOpen};
use std::time::Duration;

/// The longest delay before a change made by another process is noticed; a tenth of the cache time if that is shorter.
const MAX_NOTICE_DELAY: Duration = Duration::from_secs(30);
const MIN_NOTICE_DELAY: Duration = Duration::from_millis(250);

/// How signing keys are created, published and replaced.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// The size of new keys: 2048, 3072 or 4096 bits.
    pub bits: usize,
    /// How long verifiers may cache the key set.
    pub max_age: Duration,
    /// How long a key signs; zero: until a command replaces it.
    pub lifetime: Duration,
    /// How long a new key is published before it signs.
    pub lead: Duration,
    /// How long access tokens live.
    pub token_life: Duration,
}

impl KeyPolicy {
    /// The longest delay before a change made by another process is noticed.
    #[must_use]
    pub fn notice(&self) -> Duration {
        (self.max_age / 10).clamp(MIN_NOTICE_DELAY, MAX_NOTICE_DELAY)
    }

    /// How long a key must have been published before every verifier has it.
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
        /// The key's thumbprint.
        kid: String,
        /// The reason.
        cause: CannotOpen,
    },
    /// A key, stored or new, is not an RSA key, or there is none to sign with.
    #[error("signing key: {0}")]
    Malformed(String),
}
