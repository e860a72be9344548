//! Deletion of one's own account.

use super::{
    Auth, Client, admin::AdminError, audit::Action, caller::Caller, change_password::PasswordError, limits::Limit,
    password::Password,
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
        self.confirm_password(caller, password, client).await?;
        let sub = caller.account.id;
        self.delete_oneself(sub).await?;
        self.forget(self.sessions.remove_all(sub, None)).await;
        self.note(self.event(Action::AccountDelete).to(sub).by(sub).about(caller.session).from(client)).await;
        Ok(())
    }
}
