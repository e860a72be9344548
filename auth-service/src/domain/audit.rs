//! The audit log: what happened, to whom, by whom and from where. Each event is a line of the log and a row in SQL.

use super::{Auth, Client, Unavailable, page};
use async_trait::async_trait;
use serde_json::{Map, Value};
use shared::{
    clock::Timestamp,
    ids::{EventId, SessionId, UserId},
};
use std::{fmt, str::FromStr, sync::Arc};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal,)*) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// Its name, in the log and in answers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)*
                }
            }
        }
    };
}

actions! {
    /// Somebody registered.
    Register = "register",
    /// A user was created by an operator or from the settings.
    UserCreate = "user_create",
    /// A login.
    Login = "login",
    /// A password, asked for again.
    PasswordConfirm = "password_confirm",
    /// Logout of one session.
    Logout = "logout",
    /// Logout of all sessions, by their user.
    LogoutAll = "logout_all",
    /// A change of one's own password.
    PasswordChange = "password_change",
    /// A user deleted the own account.
    AccountDelete = "account_delete",
    /// A session ended by its user, from another one.
    SessionEnd = "session_end",
    /// A session ended because the user had too many.
    SessionEvict = "session_evict",
    /// A used refresh token came again: a theft.
    RefreshReuse = "refresh_reuse",
    /// Somebody asked for more than a limit allows: reported once in a while, however often.
    LimitReached = "limit_reached",
    /// A client asked again with a token whose answer was lost, later than the replay window.
    RefreshRetry = "refresh_retry",
    /// A session that the session store had lost was taken up from its token.
    RefreshAdopt = "refresh_adopt",
    /// A session's token was asked for again from another network, or with another program, than it was last refreshed with:
    /// a lost answer, a second tab, or a thief.
    RefreshElsewhere = "refresh_elsewhere",
    /// A user was changed by an admin.
    UserChange = "user_change",
    /// A user's sessions were ended by an admin.
    UserSessionsEnd = "user_sessions_end",
    /// An account was unlocked by an operator: its failed logins count no more.
    UserUnlock = "user_unlock",
    /// A user was deleted by an admin.
    UserDelete = "user_delete",
    /// Everybody's sessions were ended by an operator.
    AllSessionsEnd = "all_sessions_end",
    /// A new signing key was published.
    KeyRotate = "key_rotate",
    /// A signing key was told to make way as soon as its successor is known.
    KeyRetire = "key_retire",
    /// A signing key was withdrawn at once.
    KeyRevoke = "key_revoke",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no action of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such action")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|action| action.name() == text).ok_or(UnknownAction)
    }
}

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
    fn log(&self) {
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

/// How many incidents a user is shown.
const INCIDENTS: u32 = 20;

impl Auth {
    /// An event of this moment.
    pub(super) fn event(&self, action: Action) -> Event {
        Event::new(action, self.now())
    }

    /// Writes down what has happened, whatever becomes of the request: first the row, then the line in the log. If the row fails, a
    /// line says so.
    pub async fn note(&self, event: Event) {
        drop(self.write_down(event).await);
    }

    /// As [`Auth::note`], for what may be noted once more; only the first time is.
    pub(super) async fn note_once(&self, event: Event) {
        match self.audit.append_once(&event).await {
            Ok(true) => event.log(),
            Ok(false) => {}
            Err(error) => {
                event.log();
                tracing::error!(%error, id = %event.id, "{}", IN_THIS_LOG_ONLY);
            }
        }
    }

    /// As [`Auth::note`], without waiting for the row: nobody may measure whether there was one to write.
    pub(super) fn note_aside(&self, event: Event) {
        drop(self.write_down(event));
    }

    fn write_down(&self, event: Event) -> JoinHandle<()> {
        let audit = Arc::clone(&self.audit);
        let writing = async move {
            append(&*audit, &event).await;
            event.log();
        };
        tokio::spawn(writing.in_current_span())
    }

    /// Writes the line of an event whose row is written already.
    pub(super) fn note_recorded(&self, event: &Event) {
        event.log();
    }

    /// Writes the line of an event that is nobody's, and gets no row: anybody could fill the table.
    pub(super) fn note_in_log(&self, event: &Event) {
        event.log();
    }

    /// A page of events, and where the next one begins, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn events(&self, query: AuditQuery) -> Result<(Vec<Event>, Option<EventId>), Unavailable> {
        let limit = query.limit;
        let events = self.audit.events(&AuditQuery { limit: limit + 1, ..query }).await?;
        Ok(page(events, limit, |event| event.id))
    }

    /// The latest thefts of a user's refresh tokens, and what may be one, the newest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn incidents(&self, sub: UserId) -> Result<Vec<Event>, Unavailable> {
        self.audit.incidents(sub, INCIDENTS).await
    }
}

const IN_THIS_LOG_ONLY: &str = "an audit event is in this log only: its row could not be written";

async fn append(audit: &dyn AuditLog, event: &Event) {
    if let Err(error) = audit.append(event).await {
        tracing::error!(%error, id = %event.id, "{}", IN_THIS_LOG_ONLY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name() {
        for action in Action::ALL {
            assert_eq!(action.name().parse(), Ok(*action));
        }
        assert_eq!("".parse::<Action>(), Err(UnknownAction));
    }
}
