//! Deletion of one's own account.

use super::{Auth, Client, caller::Caller, change_password::PasswordError, password::Password};

impl Auth {
    /// Deletes the caller's account, and with it all its sessions.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn delete_account(
        &self,
        caller: &Caller,
        password: &Password,
        client: &Client,
    ) -> Result<(), PasswordError> {
        self.confirm_password(caller, password, client).await?;
        self.accounts.delete(caller.account.id).await?;
        self.forget(self.sessions.remove_all(caller.account.id, None)).await;
        tracing::info!(sub = %caller.account.id, "account deleted by its user");
        Ok(())
    }
}
