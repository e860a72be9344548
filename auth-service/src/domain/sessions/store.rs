//! The store of refresh sessions: what it keeps and promises. It may lose what it has confirmed: see [`super::rules`].

use crate::domain::Unavailable;
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

/// A session's record as a store keeps it. The store does not look inside, and what a store returns is believed only
/// after its MAC was checked: see [`super::record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// A write, and its conditions.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The session's user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// What the store must still hold, byte for byte; `None`: nothing.
    pub expected: Option<&'a Sealed>,
    /// What the store is to hold.
    pub next: &'a Sealed,
    /// When the store may forget it, and does so by itself.
    pub expires_at: Timestamp,
    /// The latest time for the write, on the store's own clock.
    pub not_after: Timestamp,
}

/// The result of a compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// The new record is stored.
    Done,
    /// Another request was faster, or the decision is too old: read again and decide again.
    Conflict,
}

/// The result of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The record, if the store has one that has not expired.
    pub sealed: Option<Sealed>,
    /// The time on the clock that all replicas share: the store's.
    pub now: Timestamp,
}

/// The store of refresh sessions: compare-and-swap and no opinions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Reads a session and the time, in one round trip.
    async fn read(&self, sub: UserId, sid: SessionId) -> Result<Snapshot, Unavailable>;

    /// Writes a record if the store holds what is expected.
    async fn commit(&self, change: &Change<'_>) -> Result<Commit, Unavailable>;

    /// Removes a session; it is not an error if there is none.
    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable>;

    /// Removes all sessions of a user, except one if given.
    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable>;

    /// The user's sessions that the store has and that have not expired, in any order.
    async fn of_user(&self, sub: UserId) -> Result<Vec<(SessionId, Sealed)>, Unavailable>;

    /// Whether the user may have one more session: not in a store that is nearly full. The remaining room is for the
    /// sessions that the store already has.
    async fn has_room(&self, sub: UserId) -> Result<bool, Unavailable>;

    /// Deletes a bounded batch of sessions that expired before `now`; returns how many. Stores that expire records
    /// themselves return zero.
    async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;

    /// Succeeds if the store can be reached and accepts what requests write. It tries a write, which leaves nothing
    /// behind.
    async fn probe(&self) -> Result<(), Unavailable>;
}
