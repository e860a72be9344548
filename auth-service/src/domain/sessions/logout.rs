//! Logout: of one session by its refresh token, of all by an access token.

use super::{caller::Caller, refresh_token::RefreshClaims};
use crate::domain::{Auth, Client, Unavailable, audit::Action};

impl Auth {
    /// Ends the one session of a refresh token of ours, however old. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout(&self, token: &RefreshClaims, client: &Client) -> Result<(), Unavailable> {
        self.end_session_of(token, client).await
    }

    /// Nothing is written for a session that is over already: whoever repeats a logout fills no database.
    pub(in crate::domain) async fn end_session_of(
        &self,
        token: &RefreshClaims,
        client: &Client,
    ) -> Result<(), Unavailable> {
        if self.is_alive(token).await? {
            self.accounts.end_session(token.sub, token.sid, self.last_possible_use(Some(token))).await?;
            self.note(self.event(Action::Logout).to(token.sub).by(token.sub).about(token.sid).from(client)).await;
        }
        self.forget(self.sessions.remove(token.sub, token.sid)).await;
        Ok(())
    }

    /// Whether another token of the session may still be worth something, whatever this one is.
    async fn is_alive(&self, token: &RefreshClaims) -> Result<bool, Unavailable> {
        let standing = self.accounts.standing(token.sub, token.sid).await?;
        Ok(standing.is_some_and(|standing| standing.is_alive(token.sid, token.epoch)))
    }

    /// Ends all sessions of the caller. Durable when it returns. A session that began after the caller's had ended is not the
    /// caller's to end.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn logout_everywhere(&self, caller: &Caller, client: &Client) -> Result<(), Unavailable> {
        let sub = caller.account.id;
        let ends = async |seen| self.accounts.raise_epoch(sub, Some(seen), self.now()).await;
        if !ends(caller.account.session_epoch).await? {
            // Others were faster. Unless a change of the password has spared the caller's session, there is nothing left to end.
            let standing = self.standing_of(caller).await?;
            let Some(standing) = standing else { return Ok(()) };
            if !ends(standing.account.session_epoch).await? {
                return Ok(());
            }
        }
        self.note(self.event(Action::LogoutAll).to(sub).by(sub).about(caller.session).from(client)).await;
        self.forget(self.sessions.remove_all(sub, None)).await;
        Ok(())
    }

    /// Ends all sessions of everybody, as an operator does after a database was restored; answers how many users there are.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_everybodys_sessions(&self) -> Result<u64, Unavailable> {
        let users = self.accounts.raise_all_epochs(self.now()).await?;
        self.note(self.event(Action::AllSessionsEnd).on_command_line().with("users", users)).await;
        Ok(users)
    }
}
