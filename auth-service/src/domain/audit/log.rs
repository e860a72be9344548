//! The table of audit events: what it keeps and promises.

use super::{Action, Event};
use crate::domain::Unavailable;
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{EventId, SessionId, UserId},
};

/// Which events to return; the newest come first.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only what happened to this user.
    pub sub: Option<UserId>,
    /// Only what concerns this session.
    pub sid: Option<SessionId>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only what succeeded (`true`) or what failed (`false`).
    pub is_success: Option<bool>,
    /// Only what happened at this time or later.
    pub since: Option<Timestamp>,
    /// Only what happened before this time.
    pub until: Option<Timestamp>,
    /// Only what is older than this event (the last one of the page before).
    pub before: Option<EventId>,
    /// The most events to return.
    pub limit: u32,
}

/// The table of audit events. Events are only added, until they are too old.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds an event, durably.
    async fn append(&self, event: &Event) -> Result<(), Unavailable>;

    /// The newest events that match, the newest first.
    async fn events(&self, query: &AuditQuery) -> Result<Vec<Event>, Unavailable>;

    /// Adds an event unless its id exists; returns whether it was added.
    async fn append_once(&self, event: &Event) -> Result<bool, Unavailable>;

    /// A user's newest events that report a theft or a possible one, the newest first.
    async fn incidents(&self, sub: UserId, at_most: u32) -> Result<Vec<Event>, Unavailable>;

    /// Deletes a bounded batch of events from before a time; returns how many.
    async fn forget_events(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
