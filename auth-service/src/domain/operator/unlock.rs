//! Unlocking an account that guesses of others have locked.

use crate::domain::{Auth, Unavailable, audit::Action};
use shared::ids::UserId;

impl Auth {
    /// Lets the user try again at once: failed logins before now count against the account no more, on any replica.
    /// Those of an address over all accounts go on counting. `false`: there is no such user.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing was unlocked.
    pub async fn unlock_user(&self, id: UserId) -> Result<bool, Unavailable> {
        let is_unlocked = self.accounts.unlock(id).await?;
        if is_unlocked {
            self.note(self.event(Action::UserUnlock).to(id).on_command_line()).await;
        }
        Ok(is_unlocked)
    }
}
