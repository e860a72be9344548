//! Callers of auth-service's own protected endpoints. These do not verify offline: besides the access token, the
//! session, the user and the roles are checked in SQL, so that a demoted admin or an ended session is refused at once.

use super::{Sessions, methods::Methods, refresh_token::RefreshClaims, tokens::SteppedUp};
use crate::domain::{
    Unavailable,
    accounts::{Account, Epoch},
};
use jeton_verifier::{VerifiedToken, guard::Level};
use shared::ids::{SessionId, UserId};

/// A user with a live session.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user, as SQL has it now.
    pub account: Account,
    /// The session that the access token belongs to.
    pub session: SessionId,
    /// The user's epoch when the session began.
    pub epoch: Epoch,
    /// Whether a login of the user takes more than the password.
    pub has_second_factor: bool,
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

/// Why a caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPermitted {
    /// The caller's roles do not grant it.
    #[error("the caller's roles do not grant it")]
    Scope,
    /// They would, but ask for a second factor, which the caller has not shown.
    #[error("the caller's roles ask for a second factor")]
    SecondFactor,
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
        match status.filter(|(status, _)| status.is_alive(sid, epoch)) {
            Some((status, has_second_factor)) => {
                Ok(Caller { account: status.account, session: sid, epoch, has_second_factor })
            }
            None => Err(CallerError::Ended),
        }
    }

    /// An access token of the caller's session that says what was shown just now. It grants what the session's tokens do, and
    /// what was shown now.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn stepped_up(&self, caller: &Caller, shown: Methods) -> Result<SteppedUp, Unavailable> {
        let (account, issuer) = (&caller.account, &self.issuer);
        let mut is_withheld = issuer.withholds(account, shown);
        if is_withheld {
            let record = self.live.records.read(account.id, caller.session).await?.record;
            is_withheld = record.is_none_or(|record| issuer.withholds(account, record.methods));
        }
        Ok(issuer.stepped_up(account, (caller.session, caller.epoch), shown, is_withheld))
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
    ///
    /// # Errors
    /// [`NotPermitted`].
    pub fn permits(&self, caller: &Caller, token: &VerifiedToken, scope: &str) -> Result<(), NotPermitted> {
        let (roles, held) = (&self.issuer.roles, &caller.account.roles);
        if !roles.scopes(held).contains(scope) {
            return Err(NotPermitted::Scope);
        }
        let has_shown_it = || Level::TWO_FACTORS.is_satisfied_by(token.acr()) || token.has_scope(scope);
        if roles.ask_for_second_factor(held) && !has_shown_it() {
            return Err(NotPermitted::SecondFactor);
        }
        Ok(())
    }
}
