//! A user renames and removes passkeys.

use super::{PasskeyName, Passkeys, Records, Removal, Standing};
use crate::domain::{Client, Unavailable, audit::Action, sessions::caller::Caller};
use shared::ids::PasskeyId;

/// Why a passkey was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// The user has no such passkey.
    #[error("there is no such passkey")]
    NoSuch,
    /// The user has no password and no other passkey.
    #[error("this is the only way in")]
    LastWayIn,
    /// The caller's session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Passkeys {
    /// Renames a passkey of the caller; `false`: there is none with this id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn rename(
        &self,
        caller: &Caller,
        id: PasskeyId,
        name: &PasskeyName,
        client: &Client,
    ) -> Result<bool, Unavailable> {
        let sub = caller.account.id;
        let event = self.audit.event(Action::PasskeyRename).to(sub).by(sub).about(caller.session).from(client);
        let event = event.with("passkey", id.to_string());
        let is_renamed = self.store.rename(sub, id, name, &event).await?;
        if is_renamed {
            self.audit.log(&event);
        }
        Ok(is_renamed)
    }

    /// Removes a passkey of the caller, and notifies the user. Its sessions go on: they are ended by themselves.
    ///
    /// # Errors
    /// [`RemovalError`].
    pub async fn remove(&self, caller: &Caller, id: PasskeyId, client: &Client) -> Result<(), RemovalError> {
        let account = &caller.account;
        let event = self.audit.event(Action::PasskeyRemove).to(account.id).by(account.id);
        let event = event.about(caller.session).from(client).with("passkey", id.to_string());
        let mails = self.notices.passkey_changed(&account.readers(), client, "removed");
        let records = Records { event: &event, mails: &mails };
        match self.store.remove(id, Standing::of(caller), records).await? {
            Removal::Removed => {
                self.audit.log(&event);
                Ok(())
            }
            Removal::NoSuch => Err(RemovalError::NoSuch),
            Removal::LastWayIn => Err(RemovalError::LastWayIn),
            Removal::Outdated => Err(RemovalError::SessionEnded),
        }
    }
}
