//! What the store of refresh sessions keeps and promises. It may lose what it said it wrote: see [`super::session`].

use super::{Unavailable, account::Epoch, session::Lineage};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId, UserId},
};

/// A refresh session as it is stored. Nothing in it is a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// Where its tokens stand.
    #[serde(flatten)]
    pub lineage: Lineage,
    /// The user's epoch when the session began.
    pub epoch: Epoch,
    /// When the session began.
    pub auth_time: Timestamp,
    /// When it was last refreshed.
    pub last_used: Timestamp,
    /// From when on its newest token is refused: the store need not remember it longer.
    pub expires_at: Timestamp,
    /// Where it was last refreshed from.
    pub ip: String,
    /// What it was last refreshed with, shortened.
    pub user_agent: String,
    /// The newest token, without its signature.
    pub newest: UnsignedToken,
}

/// A refresh token without its signature: any replica signs it again to the byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsignedToken {
    /// Which key signs it.
    pub key_id: String,
    /// Header and claims, `base64url.base64url`.
    pub signing_input: String,
}

/// What the store must still hold for a commit to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No record of this session.
    Absent,
    /// A record of this generation and family.
    At {
        /// The generation.
        generation: u64,
        /// The newest family.
        family: TokenId,
    },
}

impl Expected {
    /// What a reader of `record` expects to find still.
    #[must_use]
    pub fn of(record: Option<&SessionRecord>) -> Self {
        record.map_or(Self::Absent, |record| Self::At {
            generation: record.lineage.generation,
            family: record.lineage.family,
        })
    }
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
    /// The record, if the store has one.
    pub record: Option<SessionRecord>,
    /// The time on the clock that all replicas share: the store's.
    pub now: Timestamp,
}

/// The store of refresh sessions: compare-and-swap and no opinions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Reads a session and the time, in one round trip.
    async fn read(&self, sub: UserId, sid: SessionId) -> Result<Snapshot, Unavailable>;

    /// Writes `record` if the store holds what is expected and, on its own clock, `not_after` has not passed; forgets
    /// it by itself after `record.expires_at`.
    async fn commit(
        &self,
        expected: Expected,
        record: &SessionRecord,
        not_after: Timestamp,
    ) -> Result<Commit, Unavailable>;

    /// Removes a session; removing what is not there is no error.
    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable>;

    /// Removes all sessions of a user but, if given, one.
    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable>;

    /// The user's sessions that the store remembers and that have not expired, in no order.
    async fn of_user(&self, sub: UserId) -> Result<Vec<SessionRecord>, Unavailable>;

    /// Whether the user may have one session more: not so in a store that is nearly full. What is left there is for the
    /// sessions that it has.
    async fn has_room(&self, sub: UserId) -> Result<bool, Unavailable>;

    /// Forgets, in a bounded batch, sessions that expired before `now`; answers how many. Stores that forget by
    /// themselves answer zero.
    async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;

    /// Answers when the store can be reached and takes what requests write: it is tried, and leaves nothing behind.
    async fn probe(&self) -> Result<(), Unavailable>;
}
