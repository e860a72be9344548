//! Ended sessions: what SQL knows about sessions, and the store that keeps it.

use crate::domain::{
    Unavailable,
    accounts::{Account, Epoch},
    audit::Event,
    mail::SealedMail,
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

/// What SQL knows about a session: its user, and whether this one session was ended.
#[derive(Debug, Clone)]
pub struct SessionStatus {
    /// The session's user.
    pub account: Account,
    /// Whether this one session was ended.
    pub ended: bool,
}

impl SessionStatus {
    /// Whether session `sid`, which began in `epoch`, is alive.
    #[must_use]
    pub fn is_alive(&self, sid: SessionId, epoch: Epoch) -> bool {
        let account = &self.account;
        !self.ended && !account.disabled && (account.session_epoch == epoch || account.kept_session == Some(sid))
    }
}

/// A stolen session, and what ends because of it.
#[derive(Debug)]
pub struct Theft<'a> {
    /// The session's user.
    pub sub: UserId,
    /// The stolen session.
    pub sid: SessionId,
    /// How long the ending must be kept.
    pub until: Timestamp,
    /// If given and still the user's epoch, all sessions of this epoch end as well.
    pub epoch: Option<Epoch>,
    /// The event to record.
    pub event: &'a Event,
    /// The mails that report it to the user.
    pub mails: &'a [SealedMail],
}

/// The store of endings. Whatever it reports as done is durable.
#[async_trait]
pub trait Endings: Send + Sync {
    /// What SQL knows about a session, in one read. `None`: there is no such user.
    async fn status(&self, id: UserId, session: SessionId) -> Result<Option<SessionStatus>, Unavailable>;

    /// The same; ended also if this access token (`jti`) was revoked. With it, whether the user has a second factor.
    async fn status_of_token(
        &self,
        id: UserId,
        session: SessionId,
        token: &str,
    ) -> Result<Option<(SessionStatus, bool)>, Unavailable>;

    /// Records that an access token (`jti`) was revoked; `false`: it was before.
    async fn end_token(&self, token: &str) -> Result<bool, Unavailable>;

    /// Raises the epoch to its successor or to `now` in milliseconds, whichever is greater, and keeps no session. With
    /// `seen`, only if the epoch is still that one. `false`: it is not, or there is no such user.
    async fn raise_epoch(&self, id: UserId, seen: Option<Epoch>, now: Timestamp) -> Result<bool, Unavailable>;

    /// Raises every user's epoch as [`Endings::raise_epoch`]; returns how many users there are.
    async fn raise_all_epochs(&self, now: Timestamp) -> Result<u64, Unavailable>;

    /// Records that a session has ended, whether or not it is known; the ending is kept at least until `until`.
    async fn end_session(&self, id: UserId, session: SessionId, until: Timestamp) -> Result<(), Unavailable>;

    /// Ends what a theft ends, records it, and adds its mail to the outbox, in one transaction. The stolen session is also ended by its id, because
    /// a password change at this moment would otherwise keep it.
    async fn end_stolen(&self, theft: &Theft<'_>) -> Result<(), Unavailable>;

    /// Which of these sessions of the user were ended by id. The cost depends on their number, not on how many others
    /// have ended.
    async fn ended_among(&self, id: UserId, sessions: &[SessionId]) -> Result<Vec<SessionId>, Unavailable>;

    /// Deletes a bounded batch of endings whose sessions could no longer be used at `now` anyway; returns how many.
    async fn forget_ended(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
