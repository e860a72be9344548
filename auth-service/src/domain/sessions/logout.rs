//! Logout: from one session by its refresh token, from all sessions by an access token.

use super::{
    Sessions,
    caller::{Caller, CallerError},
    refresh_token::RefreshClaims,
};
use crate::domain::{Client, Unavailable, audit::Action};
use jeton_verifier::VerifiedToken;

impl Sessions {
    /// Ends the session of a refresh token, however old the token is. Durable when it returns. Nothing is written for a
    /// session that has already ended: repeated logouts do not fill the database.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout(&self, token: &RefreshClaims, client: &Client) -> Result<(), Unavailable> {
        // Other tokens of the session may still be valid, whatever this one is.
        if self.live.status_of(token).await?.is_some() {
            let until = self.live.last_possible_use(Some(token));
            self.live.endings.end_session(token.sub, token.sid, until).await?;
            let event = self.audit.event(Action::Logout).to(token.sub).by(token.sub);
            self.audit.record(event.about(token.sid).from(client)).await;
        }
        self.live.forget(token.sub, token.sid).await;
        Ok(())
    }

    /// Has an access token refused from now on; its session goes on. Durable when it returns. Nothing is written for a token that is
    /// refused already.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing was revoked.
    pub async fn revoke(&self, token: &VerifiedToken, client: &Client) -> Result<(), Unavailable> {
        let caller = match self.caller(token).await {
            Ok(caller) => caller,
            Err(CallerError::Ended) => return Ok(()),
            Err(CallerError::Unavailable(error)) => return Err(error),
        };
        if self.live.endings.end_token(token.token_id()).await? {
            let event = self.audit.event(Action::TokenRevoke).to(caller.account.id).by(caller.account.id);
            self.audit.record(event.about(caller.session).from(client)).await;
        }
        Ok(())
    }

    /// Ends all sessions of the caller. Durable when it returns. Sessions that began after the caller's session had
    /// ended are not ended.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout_everywhere(&self, caller: &Caller, client: &Client) -> Result<(), Unavailable> {
        let sub = caller.account.id;
        let ends = async |seen| self.live.endings.raise_epoch(sub, Some(seen), self.live.now()).await;
        if !ends(caller.account.session_epoch).await? {
            // Another request was faster. Unless it was a password change that kept the caller's session, nothing is
            // left to end.
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
