//! Logout: of one session by its refresh token, of all by an access token.

use super::{Auth, Unavailable, caller::Caller, refresh_token::RefreshClaims};

impl Auth {
    /// Ends the one session of a refresh token of ours, however old. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout(&self, token: &RefreshClaims) -> Result<(), Unavailable> {
        self.end_session_of(token).await
    }

    pub(super) async fn end_session_of(&self, token: &RefreshClaims) -> Result<(), Unavailable> {
        self.accounts.end_session(token.sub, token.sid, self.last_possible_use(Some(token))).await?;
        self.forget(self.sessions.remove(token.sub, token.sid)).await;
        tracing::info!(sub = %token.sub, sid = %token.sid, "logged out");
        Ok(())
    }

    /// Ends all sessions of the caller. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout_everywhere(&self, caller: &Caller) -> Result<(), Unavailable> {
        self.accounts.raise_epoch(caller.account.id, None, self.now()).await?;
        self.forget(self.sessions.remove_all(caller.account.id, None)).await;
        tracing::info!(sub = %caller.account.id, "logged out everywhere");
        Ok(())
    }
}
