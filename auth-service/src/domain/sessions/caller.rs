//! Callers of auth-service's own protected endpoints. These do not verify offline: besides the access token, the
//! session, the user and the roles are checked in SQL, so that a demoted admin or an ended session is refused at once.

use super::{Sessions, refresh_token::RefreshClaims};
use crate::domain::{
    Unavailable,
    accounts::{Account, Epoch},
};
use jeton_verifier::VerifiedToken;
use shared::ids::{SessionId, UserId};

/// A user with a live session.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user, as SQL has it now.
    pub account: Account,
    /// The session that the access token belongs to.
    pub session: SessionId,
}

/// Why an access token is refused here although it verifies.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// Its session has ended, or its user is gone.
    #[error("the session of this access token has ended")]
    Ended,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Sessions {
    /// The user who holds a verified access token.
    ///
    /// # Errors
    /// [`CallerError`].
    pub async fn caller(&self, token: &VerifiedToken) -> Result<Caller, CallerError> {
        let sub: UserId = token.subject().parse().map_err(|_| CallerError::Ended)?;
        let sid: SessionId = token.session_id().parse().map_err(|_| CallerError::Ended)?;
        let epoch = token.epoch().map(Epoch).ok_or(CallerError::Ended)?;
        let status = self.live.endings.status_of_token(sub, sid, token.token_id()).await?;
        match status.filter(|status| status.is_alive(sid, epoch)) {
            Some(status) => Ok(Caller { account: status.account, session: sid }),
            None => Err(CallerError::Ended),
        }
    }

    /// Whether the session of a refresh token has ended; costs at most one query to SQL.
    ///
    /// # Errors
    /// [`Unavailable`]: SQL did not answer, so it is not known.
    pub async fn is_over(&self, token: &RefreshClaims) -> Result<bool, Unavailable> {
        if token.is_expired(self.live.now()) {
            return Ok(true);
        }
        Ok(self.live.status_of(token).await?.is_none())
    }

    /// Whether the caller's roles grant a scope now.
    #[must_use]
    pub fn permits(&self, caller: &Caller, scope: &str) -> bool {
        self.issuer.roles.scopes(&caller.account.roles).contains(scope)
    }
}
