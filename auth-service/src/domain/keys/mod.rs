//! The keys that sign access tokens: made, sealed in SQL, published for verifiers, and replaced in time.

mod active;
pub mod commands;
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

/// How late a change that another process made is noticed, at most; a tenth of the cache time if that is less.
const LATEST_NOTICE: Duration = Duration::from_secs(30);
const SOONEST_NOTICE: Duration = Duration::from_millis(250);

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
