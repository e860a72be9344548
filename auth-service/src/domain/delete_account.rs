//! Deletion of one's own account.

use super::{Auth, Client, audit::Action, caller::Caller, change_password::PasswordError, password::Password};

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
        let sub = caller.account.id;
        self.accounts.delete(sub).await?;
        self.forget(self.sessions.remove_all(sub, None)).await;
        self.note(self.event(Action::AccountDelete).to(sub).by(sub).about(caller.session).from(client)).await;
        Ok(())
    }
}
