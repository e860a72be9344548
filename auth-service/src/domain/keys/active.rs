//! The signing keys of a running service: read from the table, and swapped without locks.

use super::{
    KeyError, KeyPolicy,
    make::make,
    publish::{ActiveKeys, publish},
    root_secret::check_secret,
    schedule::Schedule,
    table::{KeyRows, KeyTable},
    upkeep,
};
use crate::domain::secrets::KeyRing;
use arc_swap::ArcSwap;
use shared::clock::Clock;
use std::{sync::Arc, time::Duration};

/// How old the keys are, for monitoring.
#[derive(Debug, Clone, Copy)]
pub struct KeyAges {
    /// For how long the present one has signed.
    pub signing: Duration,
    /// How many verifiers are shown.
    pub published: usize,
    /// How long ago the table was last read.
    pub read: Duration,
}

/// Signing keys, read from the table and swapped without locks.
pub struct SigningKeys {
    pub(in crate::domain) table: Arc<dyn KeyTable>,
    secrets: Arc<KeyRing>,
    policy: KeyPolicy,
    clock: Arc<dyn Clock>,
    active: ArcSwap<ActiveKeys>,
}

impl SigningKeys {
    /// Reads the keys; makes the first one on an empty table.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn open(
        table: Arc<dyn KeyTable>,
        secrets: Arc<KeyRing>,
        policy: KeyPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        check_secret(&*table, &secrets).await?;
        upkeep::make_due(&*table, &secrets, &policy).await?;
        let rows = upkeep::reload_rows(&*table, &secrets, &policy).await?;
        let active = ArcSwap::from_pointee(publish(rows, clock.now(), &secrets, &policy)?);
        Ok(Self { table, secrets, policy, clock, active })
    }

    /// Makes the next key if it is due, and publishes it unless another process was faster. That takes seconds: what others
    /// do meanwhile is noticed by [`SigningKeys::reload`], beside it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn make_due(&self) -> Result<(), KeyError> {
        upkeep::make_due(&*self.table, &self.secrets, &self.policy).await
    }

    /// Reads the table again, and does what is due but a new key: seals under the present root secret, removes what is long
    /// gone.
    ///
    /// # Errors
    /// [`KeyError`]; the keys stay as they were, but go on with the time.
    pub async fn reload(&self) -> Result<(), KeyError> {
        let read = upkeep::reload_rows(&*self.table, &self.secrets, &self.policy).await;
        let now = self.clock.now();
        let (rows, confirmed_at, outcome) = match read {
            Ok(rows) => (rows, now, Ok(())),
            Err(error) => {
                let known = self.active();
                let rows = KeyRows { now: known.database_time(now), keys: known.rows.keys.clone() };
                (rows, known.confirmed_at, Err(error))
            }
        };
        match publish(rows, now, &self.secrets, &self.policy) {
            Ok(active) => self.active.store(Arc::new(ActiveKeys { confirmed_at, ..active })),
            Err(error) => return outcome.and(Err(error)),
        }
        outcome
    }

    /// In how long to [`SigningKeys::make_due`] and [`SigningKeys::reload`].
    #[must_use]
    pub fn next_reload(&self) -> Duration {
        let known = self.active();
        let now = known.database_time(self.clock.now());
        let change = known.changes_at.map_or(Duration::MAX, |change| change.since(now));
        change.min(self.policy.notice())
    }

    /// The keys of this moment.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// How keys are made, published and replaced.
    #[must_use]
    pub fn policy(&self) -> &KeyPolicy {
        &self.policy
    }

    /// How old the keys are.
    #[must_use]
    pub fn ages(&self) -> KeyAges {
        let (active, now) = (self.active(), self.clock.now());
        let schedule = Schedule::at(&active.rows.keys, active.database_time(now));
        KeyAges {
            signing: schedule.signing().map_or(Duration::ZERO, |key| active.database_time(now).since(key.active_at)),
            published: schedule.published().len(),
            read: now.since(active.confirmed_at),
        }
    }

    /// For how long the key set may be cached that `active` publishes: never beyond its next change, and so that no verifier
    /// has a key longer than the policy says, though it was withdrawn just before this process noticed.
    #[must_use]
    pub fn max_age(&self, active: &ActiveKeys) -> Duration {
        let longest = self.policy.max_age.saturating_sub(self.policy.notice());
        let now = active.database_time(self.clock.now());
        active.changes_at.map_or(longest, |change| longest.min(change.since(now)))
    }

    /// Makes a key for a slot and publishes it, unless another process was faster.
    pub(super) async fn insert_if_vacant(&self, slot: i64, lead: Duration) -> Result<(), KeyError> {
        let key = make(slot, lead, &self.policy, &self.secrets).await?;
        Ok(self.table.fill(&key).await?)
    }
}
