//! An event of the audit log.

use super::Action;
use crate::domain::Client;
use serde_json::{Map, Value};
use shared::{
    clock::Timestamp,
    ids::{EventId, SessionId, UserId},
};
use std::fmt;

/// Something that happened. Contains no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The event's id; ids sort by time.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub action: Action,
    /// Whether it succeeded.
    pub is_success: bool,
    /// The user who did it, if it was a user.
    pub actor: Option<UserId>,
    /// The user to whom it happened.
    pub sub: Option<UserId>,
    /// The session that it concerns.
    pub sid: Option<SessionId>,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's `User-Agent`, shortened.
    pub user_agent: Option<String>,
    /// Further details, depending on the action.
    pub details: Map<String, Value>,
}

impl Event {
    /// A successful action at this time.
    #[must_use]
    pub fn new(action: Action, at: Timestamp) -> Self {
        Self {
            id: EventId::fresh(),
            at,
            action,
            is_success: true,
            actor: None,
            sub: None,
            sid: None,
            ip: None,
            user_agent: None,
            details: Map::new(),
        }
    }

    /// Sets the user to whom it happened.
    #[must_use]
    pub fn to(self, sub: UserId) -> Self {
        Self { sub: Some(sub), ..self }
    }

    /// Sets the user who did it.
    #[must_use]
    pub fn by(self, actor: UserId) -> Self {
        Self { actor: Some(actor), ..self }
    }

    /// Notes that an operator did it on the command line.
    #[must_use]
    pub fn on_command_line(self) -> Self {
        self.with("by", "command line")
    }

    /// Sets the session that it concerns.
    #[must_use]
    pub fn about(self, sid: SessionId) -> Self {
        Self { sid: Some(sid), ..self }
    }

    /// Sets the client that it came from.
    #[must_use]
    pub fn from(self, client: &Client) -> Self {
        Self { ip: Some(client.address.to_string()), user_agent: Some(client.user_agent.clone()), ..self }
    }

    /// Marks it as failed.
    #[must_use]
    pub fn failed(self) -> Self {
        Self { is_success: false, ..self }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// `success` or `failure`.
    #[must_use]
    pub const fn result(&self) -> &'static str {
        if self.is_success { "success" } else { "failure" }
    }

    /// Writes it to the log.
    pub(super) fn log(&self) {
        let text = |id: Option<&dyn fmt::Display>| id.map(ToString::to_string);
        let details = Value::Object(self.details.clone());
        tracing::info!(
            target: "audit",
            id = %self.id, action = %self.action, result = self.result(),
            sub = text(self.sub.as_ref().map(|id| id as _)), sid = text(self.sid.as_ref().map(|id| id as _)),
            actor = text(self.actor.as_ref().map(|id| id as _)), ip = self.ip, user_agent = self.user_agent, %details,
            "{}", self.action,
        );
    }
}
