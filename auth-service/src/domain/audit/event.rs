//! Something that happened: what is written of it.

use super::Action;
use crate::domain::Client;
use serde_json::{Map, Value};
use shared::{
    clock::Timestamp,
    ids::{EventId, SessionId, UserId},
};
use std::fmt;

/// Something that happened. Holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// In the order of time.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// Whether it was done, or only tried.
    pub is_success: bool,
    /// Who did it, where it was a user.
    pub actor: Option<UserId>,
    /// To whom it happened.
    pub sub: Option<UserId>,
    /// Which session it was about.
    pub sid: Option<SessionId>,
    /// From where it was done.
    pub ip: Option<String>,
    /// With what, shortened.
    pub user_agent: Option<String>,
    /// What else there is to say of such an action.
    pub details: Map<String, Value>,
}

impl Event {
    /// An action of that moment.
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

    /// It happened to this user.
    #[must_use]
    pub fn to(self, sub: UserId) -> Self {
        Self { sub: Some(sub), ..self }
    }

    /// This user did it.
    #[must_use]
    pub fn by(self, actor: UserId) -> Self {
        Self { actor: Some(actor), ..self }
    }

    /// An operator did it on the command line.
    #[must_use]
    pub fn on_command_line(self) -> Self {
        self.with("by", "command line")
    }

    /// It was about this session.
    #[must_use]
    pub fn about(self, sid: SessionId) -> Self {
        Self { sid: Some(sid), ..self }
    }

    /// It came from this client.
    #[must_use]
    pub fn from(self, client: &Client) -> Self {
        Self { ip: Some(client.address.to_string()), user_agent: Some(client.user_agent.clone()), ..self }
    }

    /// It was tried, in vain.
    #[must_use]
    pub fn failed(self) -> Self {
        Self { is_success: false, ..self }
    }

    /// One thing more.
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
