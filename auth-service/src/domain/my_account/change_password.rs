//! A user changes their own password: all other sessions end.

use super::MyAccount;
use crate::domain::{
    Client, Unavailable,
    accounts::Checked,
    audit::Action,
    passwords::{
        Password, WeakPassword,
        pool::{Lane, NotComputed},
    },
    sessions::caller::Caller,
    sign_in::password_check::CheckError,
};

/// Why the password was not changed, or not confirmed; also used where an account is deleted.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The current password was not accepted.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The caller's session ended while the password was checked.
    #[error("the session has ended")]
    SessionEnded,
    /// The new password is too weak.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
}

impl From<NotComputed> for PasswordError {
    fn from(error: NotComputed) -> Self {
        Self::Check(error.into())
    }
}

impl From<Unavailable> for PasswordError {
    fn from(error: Unavailable) -> Self {
        Self::Check(error.into())
    }
}

impl MyAccount {
    /// Changes the caller's password, or sets the first one, and ends all sessions but the caller's.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: Option<&Password>,
        new: &Password,
        client: &Client,
    ) -> Result<(), PasswordError> {
        let account = &caller.account;
        self.passwords.check_length(new)?;
        self.check.take_of_address(client)?;
        let known =
            [Some(account.email.as_str().to_owned()), account.name.as_ref().map(|name| name.as_str().to_owned())];
        let accepted = self.passwords.accept(new, known.into_iter().flatten().collect()).await??;
        let old = self.check.confirm(caller, current, client).await?.hash;
        let lane = Lane::of(client, Some(account.email.as_str()), Some(account.id));
        let hash = self.passwords.hash(lane, &accepted).await?;
        let checked = Checked { hash: &old, epoch: account.session_epoch, session: caller.session };
        let (now, mails) = (self.live.now(), self.notices.password_changed(&account.readers(), Some(client)));
        if !self.accounts.change_password(account.id, &checked, &hash, now, &mails).await? {
            return Err(self.what_changed(caller).await);
        }
        let event = self.audit.event(Action::PasswordChange).to(account.id).by(account.id);
        self.audit.record(event.about(caller.session).from(client)).await;
        self.live.forget_all(account.id, Some(caller.session)).await;
        Ok(())
    }

    /// Why what was checked no longer holds.
    pub(super) async fn what_changed(&self, caller: &Caller) -> PasswordError {
        match self.live.status_of_caller(caller).await {
            Ok(Some(_)) => CheckError::Wrong.into(),
            Ok(None) => PasswordError::SessionEnded,
            Err(error) => error.into(),
        }
    }
}
