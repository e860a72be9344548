//! A user shows again who they are, in the session that they have: what is about to be done asks for it (RFC 9470).

use super::MyAccount;
use crate::domain::{
    Client,
    audit::Action,
    my_account::change_password::PasswordError,
    passkeys::authenticate::Wanted,
    passwords::Password,
    sessions::{
        caller::Caller,
        methods::{Method, Methods},
        tokens::SteppedUp,
    },
    sign_in::second_factor::{SecondFactor, SecondStepError},
};

/// Why a user was not believed.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    /// Nothing was shown.
    #[error("nothing was shown")]
    Nothing,
    /// The password was not accepted, or the session has ended.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// What was shown beside it was not accepted.
    #[error(transparent)]
    Factor(#[from] SecondStepError),
}

/// What a user shows: the password, a second factor, or both.
pub struct Evidence<'a> {
    /// The password.
    pub password: Option<&'a Password>,
    /// A second factor.
    pub factor: Option<SecondFactor<'a>>,
}

impl MyAccount {
    /// Gives the caller an access token of the same session that says what was shown now. The session, and its refresh token,
    /// stay as they are: a refresh brings back what was shown at the login.
    ///
    /// # Errors
    /// [`ReauthenticationError`].
    pub async fn reauthenticate(
        &self,
        caller: &Caller,
        evidence: Evidence<'_>,
        client: &Client,
    ) -> Result<SteppedUp, ReauthenticationError> {
        let mut shown = Methods::default();
        self.check.take_of_address(client).map_err(PasswordError::from)?;
        if let Some(password) = evidence.password {
            self.check.confirm(caller, Some(password), client).await.map_err(PasswordError::from)?;
            shown = shown.and(Method::Password);
        }
        if let Some(factor) = &evidence.factor {
            shown = shown.and(self.second_steps.check(&caller.account, factor, Wanted::Again, client).await?);
        }
        if shown.is_empty() {
            return Err(ReauthenticationError::Nothing);
        }
        if self.live.status_of_caller(caller).await.map_err(PasswordError::from)?.is_none() {
            return Err(PasswordError::SessionEnded.into());
        }
        let stepped_up = self.sessions.stepped_up(caller, shown).await.map_err(PasswordError::from)?;
        let event = self.audit.event(Action::Reauthenticate);
        let event = event.to(caller.account.id).by(caller.account.id).about(caller.session).from(client);
        self.audit.record(event.with("by", shown.to_string())).await;
        Ok(stepped_up)
    }
}
