//! Many users at once, with their password hashes: what imports and exports need of the store.

use super::{Account, EmailAddress, ExternalId, PersonName, Unreadable};
use crate::domain::{Language, Unavailable, passwords::PasswordHash};
use async_trait::async_trait;
use serde_json::{Map, Value};
use shared::{clock::Timestamp, ids::UserId};
use std::collections::HashSet;

/// A user from elsewhere.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The id there if it is a UUID, else a fresh one.
    pub id: UserId,
    /// The id there if it is not a UUID.
    pub external: Option<ExternalId>,
    /// How the user will log in.
    pub email: EmailAddress,
    /// Whether the address is taken as verified.
    pub is_verified: bool,
    /// Another address that notices go to.
    pub second_email: Option<EmailAddress>,
    /// The user's language, if that is known.
    pub language: Option<Language>,
    /// The user's name.
    pub name: Option<PersonName>,
    /// The password's hash.
    pub hash: PasswordHash,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The custom claims.
    pub custom: Map<String, Value>,
    /// Whether the user may not log in.
    pub disabled: bool,
    /// When the user registered there.
    pub created_at: Timestamp,
}

/// A user who has an id, an external id or an address that an arrival has too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub id: UserId,
    /// Who the user was elsewhere.
    pub external: Option<ExternalId>,
    /// The user's address.
    pub email: String,
    /// The user's roles; empty if they cannot be read.
    pub roles: Vec<String>,
}

/// Some users, in the order of their ids.
pub struct Stretch {
    /// The users with their hashes, and rows that cannot be read.
    pub users: Vec<Result<(Account, PasswordHash), Unreadable>>,
    /// After which id the next stretch begins; `None`: this was the last one.
    pub next: Option<String>,
}

/// The store of users, for many of them at once. Whatever it reports as done is durable.
#[async_trait]
pub trait Transfer: Send + Sync {
    /// Adds the users who have no id, external id or address of another user; returns who was added. Their sessions
    /// begin at `now`: tokens of a deleted user with the same id stay worthless. Verified addresses are so since `now`.
    async fn add_all(&self, users: &[Arrival], now: Timestamp) -> Result<HashSet<UserId>, Unavailable>;

    /// Everybody who has the id, the external id or the address of one of these.
    async fn holders_of(&self, users: &[Arrival]) -> Result<Vec<Holder>, Unavailable>;

    /// Gives each user what the arrival brings, except for the id, the time of registration and, if there is one, the
    /// password; all or none of them. Disabling ends the user's sessions. An address that another user has is not taken.
    /// An address that stays stays verified; another one is verified, since `now`, only if the arrival's is.
    async fn overwrite_all(&self, users: &[(UserId, Arrival)], now: Timestamp) -> Result<(), Unavailable>;

    /// Up to `at_most` users after an id.
    async fn stretch(&self, after: &str, at_most: u32) -> Result<Stretch, Unavailable>;

    /// How many users there are.
    async fn count(&self) -> Result<u64, Unavailable>;
}
