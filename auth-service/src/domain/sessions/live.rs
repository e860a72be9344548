//! Live sessions: their records, and what SQL knows about them. SQL decides: the session store may still have a session
//! that has ended, and may have lost one that is live.

use super::{
    caller::Caller,
    endings::{Endings, SessionStatus},
    record::SessionRecord,
    records::Records,
    refresh_token::RefreshClaims,
};
use crate::domain::{
    Unavailable,
    accounts::{Account, Epoch},
};
use shared::{
    clock::{Clock, Timestamp},
    ids::{SessionId, UserId},
};
use std::{sync::Arc, time::Duration};

/// The two stores of sessions, together.
pub struct LiveSessions {
    pub(super) endings: Arc<dyn Endings>,
    pub(super) records: Records,
    pub(super) clock: Arc<dyn Clock>,
    max: Duration,
}

impl LiveSessions {
    /// For sessions that live for at most `max`.
    #[must_use]
    pub fn new(endings: Arc<dyn Endings>, records: Records, clock: Arc<dyn Clock>, max: Duration) -> Self {
        Self { endings, records, clock, max }
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The records of a user's live sessions, the last used first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of(&self, account: &Account) -> Result<Vec<SessionRecord>, Unavailable> {
        let remembered = self.records.of_user(account.id).await?;
        let mut sessions = self.among(account, remembered).await?;
        sessions.sort_by_key(|record| std::cmp::Reverse(record.last_used));
        Ok(sessions)
    }

    /// Those of a user's records whose sessions are live.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn among(
        &self,
        account: &Account,
        mut records: Vec<SessionRecord>,
    ) -> Result<Vec<SessionRecord>, Unavailable> {
        let remembered: Vec<_> = records.iter().map(|record| record.sid).collect();
        let ended = self.endings.ended_among(account.id, &remembered).await?;
        records.retain(|record| {
            let is_of_today = record.epoch == account.session_epoch || account.kept_session == Some(record.sid);
            is_of_today && !ended.contains(&record.sid)
        });
        Ok(records)
    }

    /// What SQL knows about the session of a refresh token, if it is live.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn status_of(&self, token: &RefreshClaims) -> Result<Option<SessionStatus>, Unavailable> {
        let status = self.endings.status(token.sub, token.sid).await?;
        Ok(status.filter(|status| status.is_alive(token.sid, token.epoch)))
    }

    /// Whether a session that began in `epoch` is live.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn is_alive(&self, sub: UserId, sid: SessionId, epoch: Epoch) -> Result<bool, Unavailable> {
        Ok(self.endings.status(sub, sid).await?.is_some_and(|status| status.is_alive(sid, epoch)))
    }

    /// What SQL now knows about a caller, if the session is live.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn status_of_caller(&self, caller: &Caller) -> Result<Option<SessionStatus>, Unavailable> {
        let status = self.endings.status(caller.account.id, caller.session).await?;
        Ok(status.filter(|status| status.is_alive(caller.session, caller.account.session_epoch)))
    }

    /// Whether the session store has room for what a login writes.
    ///
    /// # Errors
    /// [`Unavailable`]: it has none, or does not answer.
    pub async fn has_room_for(&self, sub: UserId) -> Result<(), Unavailable> {
        if self.records.has_room(sub).await? {
            return Ok(());
        }
        Err(unavailable("it is nearly full, and the remaining room is for the sessions that it has"))
    }

    /// How long the ending of a session must be kept: nothing that began by now lives longer.
    pub(super) fn last_possible_use(&self, token: Option<&RefreshClaims>) -> Timestamp {
        let longest = self.now().plus(self.max);
        token.map_or(longest, |token| longest.max(Timestamp::from_secs(token.exp)))
    }

    /// Ends one session of a user, whether or not the session store has its record. Durable when it returns; then call
    /// [`LiveSessions::forget`].
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable> {
        self.endings.end_session(sub, sid, self.last_possible_use(None)).await
    }

    /// Ends all sessions of a user; `false`: there is no such user. Durable when it returns; then call
    /// [`LiveSessions::forget_all`].
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_all_of(&self, sub: UserId) -> Result<bool, Unavailable> {
        self.endings.raise_epoch(sub, None, self.now()).await
    }

    /// Ends all sessions of all users; returns how many users there are. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_all(&self) -> Result<u64, Unavailable> {
        self.endings.raise_all_epochs(self.now()).await
    }

    /// Removes an ended session from the session store. What matters is already in SQL: a failure is only logged.
    pub async fn forget(&self, sub: UserId, sid: SessionId) {
        log_failure(self.records.remove(sub, sid).await);
    }

    /// As [`LiveSessions::forget`], for all sessions of a user except one if given.
    pub async fn forget_all(&self, sub: UserId, except: Option<SessionId>) {
        log_failure(self.records.remove_all(sub, except).await);
    }

    /// Deletes a bounded batch each of endings and of records that can no longer matter at `now`; returns how many of
    /// each.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<[u64; 2], Unavailable> {
        Ok([self.endings.forget_ended(now, at_most).await?, self.records.forget_expired(now, at_most).await?])
    }

    /// Succeeds if the session store can be reached and accepts what requests write.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn probe(&self) -> Result<(), Unavailable> {
        self.records.probe().await
    }
}

fn log_failure(outcome: Result<(), Unavailable>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "an ended session could not be removed from the session store; it stays ended");
    }
}

pub(super) fn unavailable(cause: &str) -> Unavailable {
    Unavailable { store: "session store", cause: cause.to_owned() }
}
