//! What admins do with signing keys: look at them, and have the next one published. Withdrawing one is left to operators: it logs
//! everybody out of what verifies offline.

use crate::domain::{
    Client, Unavailable,
    audit::{Action, Audit},
    keys::{
        SigningKeys,
        commands::{KeyCommandError, KeyStatus},
    },
    sessions::caller::Caller,
};
use std::sync::Arc;

/// Shows signing keys and replaces them in time.
pub struct AdminKeys {
    /// The keys.
    pub keys: Arc<SigningKeys>,
    /// What happened.
    pub audit: Arc<Audit>,
}

impl AdminKeys {
    /// All signing keys, the newest last.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list(&self) -> Result<Vec<KeyStatus>, Unavailable> {
        self.keys.statuses().await
    }

    /// As [`SigningKeys::rotate`].
    ///
    /// # Errors
    /// [`KeyCommandError`].
    pub async fn rotate(&self, caller: &Caller, client: &Client) -> Result<KeyStatus, KeyCommandError> {
        let known = self.keys.statuses().await?;
        let next = self.keys.rotate().await?;
        // Asked for twice, it is published once.
        if known.iter().any(|key| key.kid == next.kid) {
            return Ok(next);
        }
        let event = self.audit.event(Action::KeyRotate).by(caller.account.id).about(caller.session);
        self.audit.record(event.from(client).with("kid", next.kid.as_str())).await;
        Ok(next)
    }
}
