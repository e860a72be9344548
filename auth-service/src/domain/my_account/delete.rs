//! A user deletes their own account.

use super::{MyAccount, change_password::PasswordError};
use crate::domain::{
    Client, accounts::Checked, admin::users::AdminError, audit::Action, passwords::Password, sessions::caller::Caller,
};

/// Why an account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The user must stay, or was changed meanwhile.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl MyAccount {
    /// Deletes the caller's account, and ends all its sessions.
    ///
    /// # Errors
    /// [`DeletionError`].
    pub async fn delete(
        &self,
        caller: &Caller,
        password: Option<&Password>,
        client: &Client,
    ) -> Result<(), DeletionError> {
        self.check.take_of_address(client).map_err(PasswordError::from)?;
        let hash = self.check.confirm(caller, password, client).await.map_err(PasswordError::from)?.hash;
        let sub = caller.account.id;
        let checked = Checked { hash: &hash, epoch: caller.account.session_epoch, session: caller.session };
        if !self.users.delete_oneself(sub, &checked, client).await? {
            return Err(self.what_changed(caller).await.into());
        }
        let event = self.audit.event(Action::AccountDelete).to(sub).by(sub);
        self.audit.record(event.about(caller.session).from(client)).await;
        self.live.forget_all(sub, None).await;
        Ok(())
    }
}
