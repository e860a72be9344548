//! What is done now and then, by every replica: forgetting what can no longer matter.

use super::{Auth, Unavailable, password::PasswordHash};
use std::collections::BTreeMap;

/// How much one round forgets of each kind.
const BATCH: u32 = 1000;
/// How many hashes that are not as new ones are looked at: those of one import are alike.
const HASHES: u32 = 1000;

impl Auth {
    /// Takes notice of what the stored hashes cost: a password that is wrong costs as much as the dearest of them.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn notice_hashes(&self) -> Result<(), Unavailable> {
        let hashes = self.odd_hashes().await?;
        self.hasher.take_notice(&hashes, (hashes.len() as u64) < u64::from(HASHES));
        Ok(())
    }

    /// Why stored hashes cannot be used, and how many; of the first thousand that are not as new ones are.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn unusable_hashes(&self) -> Result<BTreeMap<String, u64>, Unavailable> {
        let hashes = self.odd_hashes().await?;
        let mut unusable = BTreeMap::new();
        for flaw in self.hasher.flaws(&hashes) {
            *unusable.entry(flaw.to_string()).or_default() += 1;
        }
        Ok(unusable)
    }

    async fn odd_hashes(&self) -> Result<Vec<PasswordHash>, Unavailable> {
        self.accounts.odd_hashes(HASHES).await
    }

    /// Forgets a bounded batch of sessions, notes of ended sessions, counters and audit events whose time is over.
    /// Answers whether there may be more.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn tidy(&self) -> Result<bool, Unavailable> {
        self.notice_hashes().await?;
        let now = self.now();
        let forgotten = [
            self.accounts.forget_ended(now, BATCH).await?,
            self.sessions.forget_expired(now, BATCH).await?,
            self.throttle.forget_expired(BATCH).await?,
            self.audit.forget_events(now.minus(self.policy.audit_keep), BATCH).await?,
        ];
        Ok(forgotten.iter().any(|count| *count >= u64::from(BATCH)))
    }
}
