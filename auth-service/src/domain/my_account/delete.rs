//! Deletion of one's own account.

use super::change_password::PasswordError;
use crate::domain::{
    Auth, Client, accounts::Checked, admin::users::AdminError, audit::Action, passwords::Password,
    sessions::caller::Caller, throttling::limits::Limit,
};

/// Why an account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The user has to stay, or is being changed.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl Auth {
    /// Deletes the caller's account, and with it all its sessions.
    ///
    /// # Errors
    /// [`DeletionError`].
    pub async fn delete_account(
        &self,
        caller: &Caller,
        password: &Password,
        client: &Client,
    ) -> Result<(), DeletionError> {
        self.take_of_address(Limit::Logins, client).map_err(PasswordError::from)?;
        let hash = self.confirm_password(caller, password, client).await?.hash;
        let sub = caller.account.id;
        let checked = Checked { hash: &hash, epoch: caller.account.session_epoch, session: caller.session };
        if !self.delete_oneself(sub, &checked).await? {
            return Err(self.what_changed(caller).await.into());
        }
        self.note(self.event(Action::AccountDelete).to(sub).by(sub).about(caller.session).from(client)).await;
        self.forget(self.sessions.remove_all(sub, None)).await;
        Ok(())
    }
}
