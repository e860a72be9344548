//! What the store of refresh sessions keeps and promises. It may lose what it said it wrote: see [`super::rules`].

use crate::domain::Unavailable;
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

/// A session's record as a store keeps it. What it says is none of the store's business, and what a store says is not
/// believed unless it is ours: see [`super::record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// What is to be written, and when it may be.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Whose session.
    pub sub: UserId,
    /// Which.
    pub sid: SessionId,
    /// What the store must still hold, to the byte; `None`: nothing.
    pub expected: Option<&'a Sealed>,
    /// What it is to hold.
    pub next: &'a Sealed,
    /// From when on it need not be remembered: the store forgets it by itself.
    pub expires_at: Timestamp,
    /// Until when, on the store's own clock, it may be written.
    pub not_after: Timestamp,
}

/// What a compare-and-swap came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// The record is now the new one.
    Done,
    /// Somebody else was faster, or the decision is too old: read again and decide again.
    Conflict,
}

/// What was read.
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

    /// Removes a session; removing what is not there is no error.
    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable>;

    /// Removes all sessions of a user but, if given, one.
    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable>;

    /// The user's sessions that the store remembers and that have not expired, in no order.
    async fn of_user(&self, sub: UserId) -> Result<Vec<(SessionId, Sealed)>, Unavailable>;

    /// Whether the user may have one session more: not so in a store that is nearly full. What is left there is for the
    /// sessions that it has.
    async fn has_room(&self, sub: UserId) -> Result<bool, Unavailable>;

    /// Forgets, in a bounded batch, sessions that expired before `now`; answers how many. Stores that forget by
    /// themselves answer zero.
    async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;

    /// Answers when the store can be reached and takes what requests write: it is tried, and leaves nothing behind.
    async fn probe(&self) -> Result<(), Unavailable>;
}
