//! Housekeeping, by every replica at intervals: deletes what can no longer matter. The database's clock decides what
//! has expired, and nothing is deleted after a clock has jumped: an ending that is deleted too early brings its session
//! back.

use crate::domain::{
    Unavailable,
    accounts::Accounts,
    admin::factors::FactorResets,
    audit::Audit,
    factors::FactorSeals,
    keys::hash_facts::HashFacts,
    mail::Outbox,
    passkeys::Passkeys,
    passwords::{PasswordHash, pool::Hasher},
    proofs::Proofs,
    revocations::EndingsLog,
    sessions::live::LiveSessions,
    sign_in::trusted_devices::TrustedDevices,
    throttling::Throttle,
};
use shared::clock::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The most of each kind that one round deletes.
const BATCH: u32 = 1000;
/// How many hashes of other kinds than new ones are read: those of one import are alike.
pub const HASHES: u32 = 1000;

/// How long mails are kept that were not delivered, and those in the mailbox.
const MAIL_KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most mails that are kept in the mailbox.
pub const MAILBOX: u32 = 100;

/// Clocks that differ by more than this are not trusted.
const MAX_DIFFERENCE: Duration = Duration::from_secs(60);

/// How long the clocks must have run evenly. Deleting can wait this long, also after each start.
const EVEN_RUN: Duration = Duration::from_secs(3600);

/// Deletes what can no longer matter.
pub struct Housekeeping {
    accounts: Arc<dyn Accounts>,
    hasher: Arc<Hasher>,
    hash_facts: HashFacts,
    factor_seals: FactorSeals,
    expiring: Expiring,
    clocks: Clocks,
}

/// What expires.
pub struct Expiring {
    /// Sessions, and what has ended.
    pub live: Arc<LiveSessions>,
    /// Counters.
    pub throttle: Arc<Throttle>,
    /// Mails.
    pub outbox: Arc<dyn Outbox>,
    /// Proofs.
    pub proofs: Arc<Proofs>,
    /// Answered challenges.
    pub passkeys: Arc<Passkeys>,
    /// Devices that were trusted.
    pub devices: Arc<TrustedDevices>,
    /// Removals of factors that are due.
    pub factor_resets: Arc<FactorResets>,
    /// The log of endings for verifiers.
    pub endings: Arc<dyn EndingsLog>,
    /// Events of the audit log.
    pub audit: Arc<Audit>,
    /// How long they are kept.
    pub audit_keep: Duration,
}

impl Housekeeping {
    /// For a running service.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        hasher: Arc<Hasher>,
        hash_facts: HashFacts,
        factor_seals: FactorSeals,
        expiring: Expiring,
    ) -> Self {
        Self { accounts, hasher, hash_facts, factor_seals, expiring, clocks: Clocks::start() }
    }

    /// Registers what the stored hashes cost: a wrong password costs as much as the most expensive of them. If the pool
    /// is full, the next round does it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn notice_hashes(&self) -> Result<(), Unavailable> {
        for key in self.hash_facts.signer_keys().await? {
            self.hasher.add_key(key);
        }
        let mut hashes = self.odd_hashes().await?;
        let are_all = (hashes.len() as u64) < u64::from(HASHES);
        if !are_all {
            hashes.extend(self.hash_facts.kinds().await?);
        }
        self.hasher.observe_stored_costs(hashes, are_all).await.ok();
        Ok(())
    }

    /// The reasons why stored hashes cannot be used, with the number of hashes for each; among the first thousand
    /// hashes of other kinds than new ones.
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

    /// Deletes a bounded batch each of expired sessions, endings, counters, audit events, settled mails, proofs and answered
    /// challenges; nothing while the clocks cannot be trusted. What a previous root secret has sealed is sealed again. Returns
    /// whether there may be more.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn tidy(&self) -> Result<bool, Unavailable> {
        self.notice_hashes().await?;
        self.factor_seals.reseal().await?;
        let Expiring { live, throttle, outbox, proofs, passkeys, devices, factor_resets, endings, audit, audit_keep } =
            &self.expiring;
        factor_resets.carry_out_due(BATCH).await?;
        // Only what has a number has an end, and where no verifier asks, nobody else gives it one.
        while endings.number().await? {}
        let now = self.accounts.clock().await?;
        if !self.clocks.can_be_trusted(now, live.now(), Instant::now()) {
            return Ok(false);
        }
        let [ended, expired] = live.forget_expired(now, BATCH).await?;
        let counters = throttle.forget_expired(BATCH).await?;
        let events = audit.forget(now.minus(*audit_keep), BATCH).await?;
        let mails = outbox.forget_settled(now.minus(MAIL_KEEP), MAILBOX, BATCH).await?;
        let proofs = proofs.store().forget_proofs(now, BATCH).await?;
        let challenges = passkeys.forget_challenges(now, BATCH).await?;
        let trusted = devices.forget_expired(BATCH).await?;
        let logged = endings.forget(now, BATCH).await?;
        let forgotten = [ended, expired, counters, events, proofs, challenges, trusted, mails, logged];
        Ok(forgotten.iter().any(|count| *count >= u64::from(BATCH)))
    }
}

/// Watches whether the database's clock runs evenly and agrees with this machine's. With SQLite both are the same
/// clock, and only a jump shows.
pub struct Clocks(Mutex<Watch>);

struct Watch {
    even_since: Instant,
    /// The database's time, and when it was read.
    last: Option<(Timestamp, Instant)>,
}

impl Clocks {
    /// Starts to watch.
    #[must_use]
    pub fn start() -> Self {
        Self::since(Instant::now())
    }

    fn since(even_since: Instant) -> Self {
        Self(Mutex::new(Watch { even_since, last: None }))
    }

    /// Whether the database's clock, which shows `database` now, has run evenly for [`EVEN_RUN`] and agrees with this
    /// machine's, which shows `here`.
    fn can_be_trusted(&self, database: Timestamp, here: Timestamp, now: Instant) -> bool {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, read_at) = watch.last.replace((database, now)).unwrap_or((database, now));
        let jumped = apart(before.plus(now.saturating_duration_since(read_at)), database);
        let differ = apart(database, here);
        if jumped > MAX_DIFFERENCE || differ > MAX_DIFFERENCE {
            watch.even_since = now;
            tracing::warn!(
                database = database.rfc3339(),
                here = here.rfc3339(),
                jumped_seconds = jumped.as_secs(),
                "the clocks disagree or have jumped: expired data is kept until they have run evenly for an hour. Set the clocks of this machine and of the database"
            );
        }
        now.saturating_duration_since(watch.even_since) >= EVEN_RUN
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const NOON: Timestamp = Timestamp::from_secs(1_795_219_200);

    /// Housekeeping every minute, with clocks that can be set.
    struct House {
        clocks: Clocks,
        began: Instant,
        time: Duration,
    }

    impl House {
        fn begin() -> Self {
            let began = Instant::now();
            Self { clocks: Clocks::since(began), began, time: Duration::ZERO }
        }

        /// Runs rounds with clocks that are ahead by these durations; returns whether the last round trusted them.
        fn rounds(&mut self, rounds: u32, database: Duration, here: Duration) -> bool {
            let mut is_trusted = false;
            for _ in 0..rounds {
                self.time += MINUTE;
                let right = NOON.plus(self.time);
                is_trusted = self.clocks.can_be_trusted(right.plus(database), right.plus(here), self.began + self.time);
            }
            is_trusted
        }
    }

    #[test]
    fn clocks_that_have_run_evenly_for_an_hour_are_trusted() {
        let mut house = House::begin();
        assert!(!house.rounds(59, Duration::ZERO, Duration::ZERO));
        assert!(house.rounds(1, Duration::ZERO, MINUTE / 2));
    }

    #[test]
    fn a_clock_a_month_ahead_is_not_trusted_and_neither_is_its_jump_back() {
        let mut house = House::begin();
        assert!(house.rounds(60, Duration::ZERO, Duration::ZERO));
        assert!(!house.rounds(1, 31 * DAY, 31 * DAY), "one clock for both");
        assert!(!house.rounds(58, 31 * DAY, 31 * DAY));
        assert!(!house.rounds(60, Duration::ZERO, Duration::ZERO), "it was set back");
        assert!(house.rounds(1, Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn clocks_that_differ_are_not_trusted_whichever_is_wrong() {
        let mut house = House::begin();
        assert!(!house.rounds(1000, DAY, Duration::ZERO));
        assert!(!house.rounds(1000, Duration::ZERO, DAY));
        assert!(house.rounds(61, Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_clock_that_drifts_slowly_is_trusted() {
        let mut house = House::begin();
        for lag in 0..120 {
            house.rounds(1, Duration::from_millis(lag * 10), Duration::ZERO);
        }
        assert!(house.rounds(1, Duration::from_millis(1200), Duration::ZERO));
    }
}
