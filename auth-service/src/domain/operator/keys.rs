//! Operators' commands for signing keys, recorded in the audit log.

use crate::domain::{
    Unavailable,
    audit::{Action, Audit},
    keys::{
        SigningKeys,
        commands::{KeyCommandError, KeyStatus},
    },
};
use std::sync::Arc;

/// Lists signing keys and replaces them.
pub struct KeyCommands {
    keys: Arc<SigningKeys>,
    audit: Arc<Audit>,
}

impl KeyCommands {
    /// The keys and the audit log of an installation.
    #[must_use]
    pub fn new(keys: Arc<SigningKeys>, audit: Arc<Audit>) -> Self {
        Self { keys, audit }
    }

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
    pub async fn rotate(&self) -> Result<KeyStatus, KeyCommandError> {
        let next = self.keys.rotate().await?;
        self.record(Action::KeyRotate, &next.kid).await;
        Ok(next)
    }

    /// As [`SigningKeys::retire`].
    ///
    /// # Errors
    /// [`KeyCommandError`].
    pub async fn retire(&self, kid: &str) -> Result<KeyStatus, KeyCommandError> {
        let next = self.keys.retire(kid).await?;
        self.record(Action::KeyRetire, kid).await;
        Ok(next)
    }

    /// As [`SigningKeys::revoke`].
    ///
    /// # Errors
    /// [`KeyCommandError`].
    pub async fn revoke(&self, kid: &str) -> Result<KeyStatus, KeyCommandError> {
        let signing = self.keys.revoke(kid).await?;
        self.record(Action::KeyRevoke, kid).await;
        Ok(signing)
    }

    async fn record(&self, action: Action, kid: &str) {
        self.audit.record(self.audit.event(action).on_command_line().with("kid", kid)).await;
    }
}
