//! What is done now and then, by every replica: forgetting what can no longer matter.

use super::{Auth, Unavailable};

/// How much one round forgets of each kind.
const BATCH: u32 = 1000;

impl Auth {
    /// Forgets a bounded batch of sessions, notes of ended sessions, counters and audit events whose time is over.
    /// Answers whether there may be more.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn tidy(&self) -> Result<bool, Unavailable> {
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
