//! A user's own sessions: where one is logged in.

use super::{
    Auth, Client, Unavailable,
    account::Account,
    audit::{Action, AuditQuery},
    caller::Caller,
    sessions::SessionRecord,
};
use shared::ids::{SessionId, UserId};

/// So many events of a session say whose it is: all of them are of the same user.
const SOME_EVENTS: u32 = 10;

impl Auth {
    /// A user's sessions that go on, the last used first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sessions_of(&self, account: &Account) -> Result<Vec<SessionRecord>, Unavailable> {
        let mut sessions = self.sessions.of_user(account.id).await?;
        let remembered: Vec<_> = sessions.iter().map(|record| record.sid).collect();
        let ended = self.accounts.ended_among(account.id, &remembered).await?;
        // What has ended in SQL may linger in the session store.
        sessions.retain(|record| {
            let is_of_today = record.epoch == account.session_epoch || account.kept_session == Some(record.sid);
            is_of_today && !ended.contains(&record.sid)
        });
        sessions.sort_by_key(|record| std::cmp::Reverse(record.last_used));
        Ok(sessions)
    }

    /// Ends a session of the caller's own, whether or not the session store remembers it. Durable when it returns; nothing is
    /// written for what never began or has ended before.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_own_session(&self, caller: &Caller, sid: SessionId, client: &Client) -> Result<(), Unavailable> {
        let sub = caller.account.id;
        let has_ended = self.accounts.standing(sub, sid).await?.is_none_or(|standing| standing.ended);
        if !has_ended && self.may_go_on(sub, sid).await? {
            self.accounts.end_session(sub, sid, self.last_possible_use(None)).await?;
            self.note(self.event(Action::SessionEnd).to(sub).by(sub).about(sid).from(client)).await;
        }
        self.forget(self.sessions.remove(sub, sid)).await;
        Ok(())
    }

    /// Whether the user has, or may have, this session. What the session store has lost goes on from its token: then the
    /// audit log knows of its login, unless it forgets sooner than sessions end.
    async fn may_go_on(&self, sub: UserId, sid: SessionId) -> Result<bool, Unavailable> {
        if self.policy.audit_keep < self.policy.session_max || self.sessions.read(sub, sid).await?.record.is_some() {
            return Ok(true);
        }
        let about_it = AuditQuery { sid: Some(sid), limit: SOME_EVENTS, ..AuditQuery::default() };
        Ok(self.audit.events(&about_it).await?.iter().any(|event| event.sub == Some(sub)))
    }
}
