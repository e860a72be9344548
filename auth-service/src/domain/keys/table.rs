//! The table of signing keys, and the facts about an installation: what it keeps and promises.

use crate::domain::Unavailable;
use async_trait::async_trait;
use shared::clock::Timestamp;
use std::time::Duration;

/// A signing key as stored, with its private half sealed. Its life follows from its timestamps alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its place in the sequence of keys: unique, so that replicas agree on one key per slot.
    pub slot: i64,
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The public half, a JWK in JSON.
    pub jwk: String,
    /// The private half, sealed with a key derived from the root secret.
    pub sealed: Vec<u8>,
    /// When verifiers are first shown it.
    pub published_at: Timestamp,
    /// When it begins to sign; it ends when the next slot's key begins.
    pub active_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The longest life of an access token that it may have signed.
    pub token_life: Duration,
}

/// A key for a slot that may be vacant.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The slot.
    pub slot: i64,
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The public half, a JWK in JSON.
    pub jwk: String,
    /// The private half, sealed.
    pub sealed: Vec<u8>,
    /// How long after its publication it becomes active.
    pub lead: Duration,
    /// The longest life of an access token that it may sign.
    pub token_life: Duration,
}

/// The keys, and the database's time.
#[derive(Debug, Clone)]
pub struct KeyRows {
    /// All keys, in the order of their slots.
    pub keys: Vec<StoredKey>,
    /// The time on the clock that all replicas share: the database's.
    pub now: Timestamp,
}

/// The table of signing keys.
#[async_trait]
pub trait KeyTable: Send + Sync {
    /// All keys.
    async fn keys(&self) -> Result<KeyRows, Unavailable>;

    /// Inserts a key, published now on the database's clock, unless its slot is taken. Read back what is there.
    async fn insert_if_vacant(&self, key: &NewKey) -> Result<(), Unavailable>;

    /// Lets a key sign as soon as it has been published for `lead`, if that is earlier than planned.
    async fn activate_sooner(&self, slot: i64, lead: Duration) -> Result<(), Unavailable>;

    /// Revokes a key, now on the database's clock; one that is already revoked stays as it is.
    async fn revoke(&self, slot: i64) -> Result<(), Unavailable>;

    /// Records that the keys from this slot on may sign tokens that live this long; a longer recorded life stays.
    async fn extend_token_life(&self, from_slot: i64, token_life: Duration) -> Result<(), Unavailable>;

    /// Replaces the sealed private half, if it is still `old`: for sealing it with another root secret.
    async fn reseal(&self, slot: i64, old: &[u8], new: &[u8]) -> Result<(), Unavailable>;

    /// Removes a key.
    async fn forget(&self, slot: i64) -> Result<(), Unavailable>;

    /// What is stored as a fact, if anything is. Writes nothing.
    async fn known_fact(&self, name: &str) -> Result<Option<String>, Unavailable>;

    /// A fact about the installation: stores `value` under `name` unless there is one already, and returns what is
    /// stored.
    async fn fact(&self, name: &str, value: &str) -> Result<String, Unavailable>;

    /// Replaces a fact if it is still `old`; `false`: it is not.
    async fn replace_fact(&self, name: &str, old: &str, new: &str) -> Result<bool, Unavailable>;
}
