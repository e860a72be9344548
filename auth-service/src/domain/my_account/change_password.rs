//! Change of one's own password: all other sessions end.

use crate::domain::{
    Auth, Client, Unavailable,
    accounts::{Checked, Credentials},
    audit::Action,
    passwords::{Password, WeakPassword, pool::NotComputed},
    sessions::caller::Caller,
    sign_in::login::LoginError,
    throttling::limits::{Exceeded, Limit},
};
use std::time::Duration;

/// Why a password, asked for again, was not taken; also used where an account is deleted.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The present password is another one.
    #[error("the current password is wrong")]
    Wrong,
    /// The caller's session ended while the password was checked.
    #[error("the session has ended")]
    SessionEnded,
    /// The new password may not be chosen.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Too many failures, or too many attempts at all.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password was not hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<LoginError> for PasswordError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials | LoginError::Disabled => Self::Wrong,
            LoginError::TooManyAttempts { retry_after } => Self::TooManyAttempts { retry_after },
            LoginError::NotComputed(error) => Self::NotComputed(error),
            LoginError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<Exceeded> for PasswordError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooManyAttempts { retry_after }
    }
}

impl Auth {
    /// Changes the caller's password, and ends all sessions but the caller's.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &Password,
        new: &Password,
        client: &Client,
    ) -> Result<(), PasswordError> {
        let account = &caller.account;
        new.check_length()?;
        self.take_of_address(Limit::Logins, client)?;
        let known =
            [Some(account.email.as_str().to_owned()), account.name.as_ref().map(|name| name.as_str().to_owned())];
        self.judges.judge(new, known.into_iter().flatten().collect()).await??;
        let old = self.confirm_password(caller, current, client).await?.hash;
        let hash = self.hasher.hash(client.lane(Some(&account.email), Some(account.id)), new).await?;
        let checked = Checked { hash: &old, epoch: account.session_epoch, session: caller.session };
        if !self.accounts.change_password(account.id, &checked, &hash, self.now()).await? {
            return Err(self.what_changed(caller).await);
        }
        let event = self.event(Action::PasswordChange).to(account.id).by(account.id);
        self.note(event.about(caller.session).from(client)).await;
        self.forget(self.sessions.remove_all(account.id, Some(caller.session))).await;
        Ok(())
    }

    /// Why what was checked does not stand any more.
    pub(in crate::domain) async fn what_changed(&self, caller: &Caller) -> PasswordError {
        match self.standing_of(caller).await {
            Ok(Some(_)) => PasswordError::Wrong,
            Ok(None) => PasswordError::SessionEnded,
            Err(error) => error.into(),
        }
    }

    /// Asks the caller for the password again, under the same throttling as a login.
    pub(in crate::domain) async fn confirm_password(
        &self,
        caller: &Caller,
        password: &Password,
        client: &Client,
    ) -> Result<Credentials, PasswordError> {
        let sub = caller.account.id;
        // A failure that cannot be counted is none that may be learned.
        self.has_room_for(sub).await?;
        let found = self.accounts.by_id(sub).await.map_err(Unavailable::from)?;
        let checked = self.check_password(&caller.account.email, found, password, client).await;
        if let Err(LoginError::InvalidCredentials) = checked {
            let event = self.event(Action::PasswordConfirm).failed().to(sub).by(sub);
            self.note(event.about(caller.session).from(client)).await;
        }
        Ok(checked?)
    }
}
