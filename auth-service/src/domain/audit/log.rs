//! The table of events: what it keeps and promises.

use super::{Action, Event};
use crate::domain::Unavailable;
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{EventId, SessionId, UserId},
};

/// Which events are asked for; the newest come first.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only what happened to this user.
    pub sub: Option<UserId>,
    /// Only what was about this session.
    pub sid: Option<SessionId>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only what succeeded, or what failed.
    pub is_success: Option<bool>,
    /// Only what happened then or later.
    pub since: Option<Timestamp>,
    /// Only what happened before.
    pub until: Option<Timestamp>,
    /// Only what is older than this event (the last one of the page before).
    pub before: Option<EventId>,
    /// At most so many.
    pub limit: u32,
}

/// The table of events: only ever added to.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds an event, durably.
    async fn append(&self, event: &Event) -> Result<(), Unavailable>;

    /// The newest events of those asked for, the newest first.
    async fn events(&self, query: &AuditQuery) -> Result<Vec<Event>, Unavailable>;

    /// Adds an event if there is none with its id; answers whether it did.
    async fn append_once(&self, event: &Event) -> Result<bool, Unavailable>;

    /// The newest of a user's events that tell of a theft, or of what may be one, the newest first.
    async fn incidents(&self, sub: UserId, at_most: u32) -> Result<Vec<Event>, Unavailable>;

    /// Forgets, in a bounded batch, what happened before a moment; answers how much.
    async fn forget_events(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
