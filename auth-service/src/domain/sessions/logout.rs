//! Logout: of one session by its refresh token, of all by an access token.

use super::{Sessions, caller::Caller, refresh_token::RefreshClaims};
use crate::domain::{Client, Unavailable, audit::Action};

impl Sessions {
    /// Ends the one session of a refresh token of ours, however old. Durable when it returns. Nothing is written for a session
    /// that is over already: repeating a logout fills no database.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout(&self, token: &RefreshClaims, client: &Client) -> Result<(), Unavailable> {
        // Another token of the session may still be worth something, whatever this one is.
        if self.live.status_of(token).await?.is_some() {
            let until = self.live.last_possible_use(Some(token));
            self.live.endings.end_session(token.sub, token.sid, until).await?;
            let event = self.audit.event(Action::Logout).to(token.sub).by(token.sub);
            self.audit.record(event.about(token.sid).from(client)).await;
        }
        self.live.forget(token.sub, token.sid).await;
        Ok(())
    }

    /// Ends all sessions of the caller. Durable when it returns. A session that began after the caller's had ended is not the
    /// caller's to end.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout_everywhere(&self, caller: &Caller, client: &Client) -> Result<(), Unavailable> {
        let sub = caller.account.id;
        let ends = async |seen| self.live.endings.raise_epoch(sub, Some(seen), self.live.now()).await;
        if !ends(caller.account.session_epoch).await? {
            // Others were faster. Unless a change of the password has spared the caller's session, there is nothing left to end.
            let Some(status) = self.live.status_of_caller(caller).await? else { return Ok(()) };
            if !ends(status.account.session_epoch).await? {
                return Ok(());
            }
        }
        let event = self.audit.event(Action::LogoutAll).to(sub).by(sub);
        self.audit.record(event.about(caller.session).from(client)).await;
        self.live.forget_all(sub, None).await;
        Ok(())
    }
}
