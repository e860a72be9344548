//! What is kept of second factors is sealed again when the root secret is replaced, so that the previous one can go.

use super::{StoredCode, totp_sealed_for};
use crate::domain::{
    Unavailable,
    keys::{root_secret::is_current, table::KeyTable},
    secrets::KeyRing,
};
use async_trait::async_trait;
use shared::ids::UserId;
use std::sync::Arc;

/// How many rows are sealed again at a time.
const BATCH: u32 = 200;

/// The rows that a root secret has sealed. Those of used recovery codes do not matter.
#[async_trait]
pub trait SealedFactors: Send + Sync {
    /// How many rows another root secret than that with this id has sealed.
    async fn sealed_by_others(&self, secret_id: &str) -> Result<u64, Unavailable>;

    /// Secrets that another root secret has sealed, in the order of their users, after one of them.
    async fn totp_sealed_by_others(
        &self,
        secret_id: &str,
        after: Option<UserId>,
        at_most: u32,
    ) -> Result<Vec<(UserId, Vec<u8>)>, Unavailable>;

    /// Replaces a sealed secret, if it is as it was read.
    async fn reseal_totp(&self, sub: UserId, old: &[u8], new: &[u8]) -> Result<(), Unavailable>;

    /// Recovery codes that another root secret has sealed, in the order of their users and MACs, after one of them.
    async fn codes_sealed_by_others(
        &self,
        secret_id: &str,
        after: Option<&(UserId, StoredCode)>,
        at_most: u32,
    ) -> Result<Vec<(UserId, StoredCode)>, Unavailable>;

    /// Replaces a recovery code, if it is as it was read and not used.
    async fn reseal_code(&self, sub: UserId, old: &StoredCode, new: &StoredCode) -> Result<(), Unavailable>;
}

/// Seals factors again.
pub struct FactorSeals {
    rows: Arc<dyn SealedFactors>,
    facts: Arc<dyn KeyTable>,
    secrets: Arc<KeyRing>,
}

impl FactorSeals {
    /// Those of an installation, whose facts say which root secret it has.
    #[must_use]
    pub fn new(rows: Arc<dyn SealedFactors>, facts: Arc<dyn KeyTable>, secrets: Arc<KeyRing>) -> Self {
        Self { rows, facts, secrets }
    }

    /// Seals with the current root secret what the previous one sealed; only if this process has the current one. What
    /// neither opens is left as it is.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn reseal(&self) -> Result<(), Unavailable> {
        if self.secrets.previous().is_none() || !is_current(&*self.facts, &self.secrets).await? {
            return Ok(());
        }
        self.reseal_totp().await?;
        self.reseal_codes().await
    }

    async fn reseal_totp(&self) -> Result<(), Unavailable> {
        let mut after = None;
        loop {
            let totp = self.rows.totp_sealed_by_others(self.secrets.current().id(), after, BATCH).await?;
            let Some((last, _)) = totp.last() else { return Ok(()) };
            after = Some(*last);
            for (sub, old) in &totp {
                match self.secrets.open(&totp_sealed_for(*sub), old) {
                    Ok(secret) => {
                        let new = self.secrets.seal(&totp_sealed_for(*sub), &secret);
                        self.rows.reseal_totp(*sub, old, &new).await?;
                    }
                    Err(cause) => tracing::debug!(%sub, %cause, "failed to reseal the secret of an app"),
                }
            }
        }
    }

    async fn reseal_codes(&self) -> Result<(), Unavailable> {
        let mut after = None;
        loop {
            let id = self.secrets.current().id();
            let codes = self.rows.codes_sealed_by_others(id, after.as_ref(), BATCH).await?;
            for (sub, old) in &codes {
                match old.resealed(*sub, &self.secrets) {
                    Ok(new) => self.rows.reseal_code(*sub, old, &new).await?,
                    Err(cause) => tracing::debug!(%sub, %cause, "failed to reseal a recovery code"),
                }
            }
            let Some(last) = codes.into_iter().next_back() else { return Ok(()) };
            after = Some(last);
        }
    }
}
