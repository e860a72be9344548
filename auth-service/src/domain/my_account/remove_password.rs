//! A user with passkeys goes on without a password: all other sessions end.

use super::{MyAccount, change_password::PasswordError};
use crate::domain::{
    Client, Unavailable, accounts::Checked, audit::Action, mail::FactorChange, sessions::caller::Caller,
    sign_in::password_check::CheckError,
};

/// Why the password was not removed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordRemovalError {
    /// Without it, the user could be locked out.
    #[error("there is no other way in that is sure enough")]
    LastWayIn,
    /// The caller's session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl MyAccount {
    /// Removes the caller's password, if there are two passkeys, or one and recovery codes; nothing if there is none.
    ///
    /// # Errors
    /// [`PasswordRemovalError`].
    pub async fn remove_password(&self, caller: &Caller, client: &Client) -> Result<(), PasswordRemovalError> {
        let account = &caller.account;
        let found = self.accounts.by_id(account.id).await.map_err(Unavailable::from)?;
        let found = found.ok_or(PasswordRemovalError::SessionEnded)?;
        if found.hash.is_none() {
            return Ok(());
        }
        let checked = Checked { hash: &found.hash, epoch: account.session_epoch, session: caller.session };
        let mails = self.notices.factors_changed(&account.readers(), Some(client), FactorChange::PasswordRemoved);
        if !self.accounts.remove_password(account.id, &checked, self.live.now(), &mails).await? {
            return Err(match self.what_changed(caller).await {
                PasswordError::SessionEnded => PasswordRemovalError::SessionEnded,
                PasswordError::Check(CheckError::Unavailable(error)) => error.into(),
                _ => PasswordRemovalError::LastWayIn,
            });
        }
        let event = self.audit.event(Action::PasswordRemove).to(account.id).by(account.id);
        self.audit.record(event.about(caller.session).from(client)).await;
        self.live.forget_all(account.id, Some(caller.session)).await;
        Ok(())
    }
}
