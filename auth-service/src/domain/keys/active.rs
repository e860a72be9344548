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
    /// How long the current key has signed.
    pub signing: Duration,
    /// How many keys verifiers are shown.
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
    /// Reads the keys; creates the first one on an empty table.
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

    /// Creates the next key if it is due, and publishes it unless another process was faster. This takes seconds: run
    /// [`SigningKeys::reload`] beside it, to notice what other processes do meanwhile.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn make_due(&self) -> Result<(), KeyError> {
        upkeep::make_due(&*self.table, &self.secrets, &self.policy).await
    }

    /// Reads the table again, and does what is due except for creating a key: seals with the current root secret, and
    /// removes keys that are long gone.
    ///
    /// # Errors
    /// [`KeyError`]; the known keys stay in use and still follow their schedule.
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

    /// How long to wait before the next [`SigningKeys::make_due`] and [`SigningKeys::reload`].
    #[must_use]
    pub fn next_reload(&self) -> Duration {
        let known = self.active();
        let now = known.database_time(self.clock.now());
        let change = known.changes_at.map_or(Duration::MAX, |change| change.since(now));
        change.min(self.policy.notice())
    }

    /// The current keys.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// How keys are created, published and replaced.
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

    /// How long the key set published in `active` may be cached: never beyond its next change, and never so long that a
    /// verifier keeps a key longer than the policy says after it was revoked, even if this process has not noticed that
    /// yet.
    #[must_use]
    pub fn max_age(&self, active: &ActiveKeys) -> Duration {
        let longest = self.policy.max_age.saturating_sub(self.policy.notice());
        let now = active.database_time(self.clock.now());
        active.changes_at.map_or(longest, |change| longest.min(change.since(now)))
    }

    /// Creates a key for a slot and publishes it, unless another process was faster.
    pub(super) async fn insert_if_vacant(&self, slot: i64, lead: Duration) -> Result<(), KeyError> {
        let key = make(slot, lead, &self.policy, &self.secrets).await?;
        Ok(self.table.insert_if_vacant(&key).await?)
    }
}
