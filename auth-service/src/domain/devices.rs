//! A user's own sessions: where one is logged in.

use super::{Auth, Client, Unavailable, audit::Action, caller::Caller, sessions::SessionRecord};
use shared::ids::SessionId;

impl Auth {
    /// The caller's sessions that go on, the last used first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sessions_of(&self, caller: &Caller) -> Result<Vec<SessionRecord>, Unavailable> {
        let account = &caller.account;
        let ended = self.accounts.ended_sessions(account.id).await?;
        let mut sessions = self.sessions.of_user(account.id).await?;
        // What has ended in SQL may linger in the session store.
        sessions.retain(|record| {
            let is_of_today = record.epoch == account.session_epoch || account.kept_session == Some(record.sid);
            is_of_today && !ended.contains(&record.sid)
        });
        sessions.sort_by_key(|record| std::cmp::Reverse(record.last_used));
        Ok(sessions)
    }

    /// Ends a session of the caller's own, whether or not the store remembers it. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_own_session(&self, caller: &Caller, sid: SessionId, client: &Client) -> Result<(), Unavailable> {
        let sub = caller.account.id;
        self.accounts.end_session(sub, sid, self.last_possible_use(None)).await?;
        self.forget(self.sessions.remove(sub, sid)).await;
        self.note(self.event(Action::SessionEnd).to(sub).by(sub).about(sid).from(client)).await;
        Ok(())
    }
}
