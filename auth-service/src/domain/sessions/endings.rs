//! What has ended: what SQL knows of sessions, and the store of it.

use crate::domain::{
    Unavailable,
    accounts::{Account, Epoch},
    audit::Event,
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

/// What SQL knows of a session: its user, and whether it was ended by name.
#[derive(Debug, Clone)]
pub struct SessionStatus {
    /// The session's user.
    pub account: Account,
    /// Whether this one session was ended.
    pub ended: bool,
}

impl SessionStatus {
    /// Whether session `sid`, which began in `epoch`, may go on.
    #[must_use]
    pub fn is_alive(&self, sid: SessionId, epoch: Epoch) -> bool {
        let account = &self.account;
        !self.ended && !account.disabled && (account.session_epoch == epoch || account.kept_session == Some(sid))
    }
}

/// A stolen session, and what ends because of it.
#[derive(Debug)]
pub struct Theft<'a> {
    /// Whose.
    pub sub: UserId,
    /// The stolen session.
    pub sid: SessionId,
    /// Until when it must be known that it has ended.
    pub until: Timestamp,
    /// All sessions of this epoch end as well, if it is given and still the user's.
    pub epoch: Option<Epoch>,
    /// What is recorded of it.
    pub event: &'a Event,
}

/// The store of what has ended. All it says it did is durable.
#[async_trait]
pub trait Endings: Send + Sync {
    /// What SQL knows of a session, in one read. `None`: there is no such user.
    async fn status(&self, id: UserId, session: SessionId) -> Result<Option<SessionStatus>, Unavailable>;

    /// Raises the epoch to the greater of its successor and `now` in milliseconds, and spares no session.
    /// With `seen`, only if the epoch is still that one; `false`: it was not.
    async fn raise_epoch(&self, id: UserId, seen: Option<Epoch>, now: Timestamp) -> Result<bool, Unavailable>;

    /// Raises every user's epoch, as [`Endings::raise_epoch`]; answers how many users there are.
    async fn raise_all_epochs(&self, now: Timestamp) -> Result<u64, Unavailable>;

    /// Writes down that a session has ended, whether or not it is known; the note is kept at least until `until`.
    async fn end_session(&self, id: UserId, session: SessionId, until: Timestamp) -> Result<(), Unavailable>;

    /// Ends what a theft ends, and records it, in one transaction. The session ends by name too: a password change at
    /// this moment would spare the very session that was stolen.
    async fn end_stolen(&self, theft: &Theft<'_>) -> Result<(), Unavailable>;

    /// Which of these sessions of the user's were ended by name. Costs what they cost, however many others have ended.
    async fn ended_among(&self, id: UserId, sessions: &[SessionId]) -> Result<Vec<SessionId>, Unavailable>;

    /// Forgets, in a bounded batch, ended sessions that can no longer be used at `now`; answers how many.
    async fn forget_ended(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
