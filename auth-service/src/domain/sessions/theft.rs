//! The reuse of a refresh token: what ends, and what is recorded.

use super::{
    ReuseEnds, Sessions,
    endings::{SessionStatus, Theft},
    record::SessionRecord,
    refresh::RefreshError,
    refresh_token::RefreshClaims,
};
use crate::domain::{
    Client, Unavailable,
    audit::{Action, Event},
};
use serde_json::{Value, json};
use shared::clock::Timestamp;

impl Sessions {
    pub(super) async fn end_stolen(
        &self,
        token: &RefreshClaims,
        found: &SessionRecord,
        status: &SessionStatus,
        client: &Client,
    ) -> Result<RefreshError, Unavailable> {
        let (sub, sid) = (token.sub, token.sid);
        let ends_user = self.policy.reuse_ends == ReuseEnds::User;
        // Ends only the epoch that was read: a login since then is not the thief's.
        let epoch = ends_user.then_some(status.account.session_epoch);
        let until = self.live.last_possible_use(Some(token));
        let ends = if ends_user { "user" } else { "session" };
        let event = self.incident(token, found).from(client).with("ends", ends);
        let mails = self.notices.theft_found(&status.account.readers(), client.address, ends);
        let theft = Theft { sub, sid, until, epoch, event: &event, mails: &mails };
        self.live.endings.end_stolen(&theft).await?;
        self.audit.log(&event);
        if ends_user {
            self.live.forget_all(sub, None).await;
        } else {
            self.live.forget(sub, sid).await;
        }
        Ok(RefreshError::Reused)
    }

    /// The event of a theft. The presented token was issued when its parent was used; another token of its family was
    /// used when the session last moved on.
    fn incident(&self, token: &RefreshClaims, found: &SessionRecord) -> Event {
        let moved_on = found.lineage.rotated_at.unwrap_or(found.auth_time);
        self.audit
            .event(Action::RefreshReuse)
            .to(token.sub)
            .about(token.sid)
            .with("parent_used_at", Timestamp::from_secs(token.iat).rfc3339())
            .with("sibling_used_at", moved_on.rfc3339())
            .with("generation", token.generation)
            .with("newest_generation", found.lineage.generation)
            .with("last_refresh", last_refresh(found))
    }
}

/// The session's last refresh: when, from where, and with what.
pub(super) fn last_refresh(session: &SessionRecord) -> Value {
    json!({ "at": session.last_used.rfc3339(), "ip": session.ip.to_string(), "user_agent": session.user_agent })
}
