//! How much one address, account or session may ask for, whether or not the requests succeed. Counted in the memory of
//! each process: what is refused costs the stores nothing, and leaves nothing behind. (Failures are counted in
//! [`crate::domain::throttling`].)

use super::rates::{Rate, Rates};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How many keys a limit remembers. Beyond that, half of them are forgotten: this never refuses anyone.
const MAX_KEYS: usize = 1 << 16;
/// How many reported refusals are remembered, so that each is reported once.
const MAX_REPORTED: usize = 1 << 12;
/// How long a limit that refuses one key is not reported again.
const REPORT_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// How many times as much as one client a crowd may ask for, whose members share an address.
pub const CROWD: u32 = 20;
macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = $name:literal,)*) => {
        /// What is limited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Limit {
            $($(#[$doc])* $limit,)*
        }

        impl Limit {
            /// The names of all limits.
            pub const NAMES: &[&'static str] = &[$($name,)*];

            /// The limit's name in metrics and the audit log.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$limit => $name,)*
                }
            }
        }
    };
}

limits! {
    /// Registrations from an address.
    Registrations = "registrations",
    /// Passwords presented from an address, right or wrong.
    Logins = "logins",
    /// Right passwords for an account.
    LoginsPerAccount = "logins_per_account",
    /// Mails asked for from an address.
    Mails = "mails",
    /// Refresh tokens presented from an address.
    Refreshes = "refreshes",
    /// Refresh tokens of a session.
    RefreshesPerSession = "refreshes_per_session",
    /// Wrong passwords from an address.
    Failures = "failures",
    /// Wrong passwords for an account, from everywhere.
    FailuresPerAccount = "failures_per_account",
    /// Wrong passwords for an account, from one network.
    FailuresPerAccountAndNetwork = "failures_per_account_and_network",
}

/// What the limits are set to.
#[derive(Debug, Clone, Default)]
pub struct LimitSettings {
    /// [`Limit::Registrations`].
    pub registrations: Rates,
    /// [`Limit::Logins`].
    pub logins: Rates,
    /// [`Limit::LoginsPerAccount`].
    pub logins_per_account: Rates,
    /// [`Limit::Mails`].
    pub mails: Rates,
    /// [`Limit::Refreshes`].
    pub refreshes: Rates,
    /// [`Limit::RefreshesPerSession`].
    pub refreshes_per_session: Rates,
}

/// A limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// When to try again.
    pub retry_after: Duration,
}

/// All limits that are counted in memory, and which refusals were reported.
pub struct Limits {
    hasher: RandomState,
    registrations: Buckets,
    logins: Buckets,
    logins_per_account: Buckets,
    mails: Buckets,
    refreshes: Buckets,
    refreshes_per_session: Buckets,
    of_crowds: BTreeMap<Limit, Buckets>,
    closed: Mutex<HashMap<(Limit, u64), Closed>>,
}

/// A reported refusal, and how many have followed.
struct Closed {
    at: Instant,
    refused_since: u64,
}

impl Limits {
    /// Limits with these settings.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        let of_crowds = [
            (Limit::Registrations, &settings.registrations),
            (Limit::Logins, &settings.logins),
            (Limit::Mails, &settings.mails),
            (Limit::Refreshes, &settings.refreshes),
        ];
        Self {
            of_crowds: of_crowds.map(|(limit, rates)| (limit, Buckets::new(rates.times(CROWD)))).into(),
            hasher: RandomState::new(),
            registrations: Buckets::new(settings.registrations),
            logins: Buckets::new(settings.logins),
            logins_per_account: Buckets::new(settings.logins_per_account),
            mails: Buckets::new(settings.mails),
            refreshes: Buckets::new(settings.refreshes),
            refreshes_per_session: Buckets::new(settings.refreshes_per_session),
            closed: Mutex::default(),
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`Exceeded`]: nothing was taken.
    pub fn take(&self, limit: Limit, key: &str, now: Instant) -> Result<(), Exceeded> {
        self.buckets(limit).map_or(Ok(()), |buckets| buckets.take(self.hash(key), now, Take::One))
    }

    /// Takes one from what a crowd may ask for: [`CROWD`] times as much as a client.
    ///
    /// # Errors
    /// [`Exceeded`]: nothing was taken.
    pub fn take_of_crowd(&self, limit: Limit, key: &str, now: Instant) -> Result<(), Exceeded> {
        self.of_crowds.get(&limit).map_or(Ok(()), |buckets| buckets.take(self.hash(key), now, Take::One))
    }

    /// Whether one could be taken; takes nothing.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn look(&self, limit: Limit, key: &str, now: Instant) -> Result<(), Exceeded> {
        self.buckets(limit).map_or(Ok(()), |buckets| buckets.take(self.hash(key), now, Take::None))
    }

    /// The rates of a limit, if it is counted here.
    #[must_use]
    pub fn rates(&self, limit: Limit) -> Option<&Rates> {
        self.buckets(limit).map(|buckets| &buckets.rates)
    }

    /// Notes that a limit has refused a request. If this is to be reported: returns how many it has refused since the
    /// last report.
    pub fn refused(&self, limit: Limit, key: &str, now: Instant) -> Option<u64> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.len() >= MAX_REPORTED {
            closed.retain(|_, closed| now.duration_since(closed.at) < REPORT_INTERVAL);
        }
        let is_full = closed.len() >= MAX_REPORTED;
        match closed.get_mut(&(limit, self.hash(key))) {
            Some(known) if now.duration_since(known.at) < REPORT_INTERVAL => {
                known.refused_since += 1;
                None
            }
            Some(known) => Some(std::mem::replace(known, Closed { at: now, refused_since: 0 }).refused_since),
            None if is_full => None,
            None => {
                closed.insert((limit, self.hash(key)), Closed { at: now, refused_since: 0 });
                Some(0)
            }
        }
    }

    fn buckets(&self, limit: Limit) -> Option<&Buckets> {
        match limit {
            Limit::Registrations => Some(&self.registrations),
            Limit::Logins => Some(&self.logins),
            Limit::LoginsPerAccount => Some(&self.logins_per_account),
            Limit::Mails => Some(&self.mails),
            Limit::Refreshes => Some(&self.refreshes),
            Limit::RefreshesPerSession => Some(&self.refreshes_per_session),
            Limit::Failures | Limit::FailuresPerAccount | Limit::FailuresPerAccountAndNetwork => None,
        }
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    One,
    None,
}

/// The buckets of one limit: for each rate, when each key's bucket will be full again. A key without an entry has full
/// buckets.
struct Buckets {
    rates: Rates,
    full_at: Mutex<Vec<HashMap<u64, Instant>>>,
}

impl Buckets {
    fn new(rates: Rates) -> Self {
        let full_at = Mutex::new(rates.rates.iter().map(|_| HashMap::new()).collect());
        Self { rates, full_at }
    }

    fn take(&self, key: u64, now: Instant, take: Take) -> Result<(), Exceeded> {
        let mut full_at = self.lock();
        let rates = &self.rates.rates;
        let next: Vec<Instant> = rates
            .iter()
            .zip(full_at.iter())
            .map(|(rate, keys)| keys.get(&key).map_or(now, |at| now.max(*at)) + rate.within / rate.most)
            .collect();
        let lacks = |(rate, next): (&Rate, &Instant)| next.duration_since(now).checked_sub(rate.within);
        let worst = rates.iter().zip(&next).filter_map(lacks).filter(|lack| !lack.is_zero()).max();
        if let Some(retry_after) = worst {
            return Err(Exceeded { retry_after });
        }
        if take == Take::One {
            full_at.iter_mut().zip(next).for_each(|(keys, next)| remember(keys, key, next, now));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<HashMap<u64, Instant>>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(keys: &mut HashMap<u64, Instant>, key: u64, full_at: Instant, now: Instant) {
    if keys.len() >= MAX_KEYS {
        keys.retain(|_, full_at| *full_at > now);
    }
    if keys.len() >= MAX_KEYS {
        // Drops every second one, so that this does not run again for each newcomer.
        let mut is_kept = false;
        keys.retain(|_, _| {
            is_kept = !is_kept;
            is_kept
        });
    }
    keys.insert(key, full_at);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(logins: &str) -> Limits {
        Limits::new(LimitSettings { logins: logins.parse().unwrap(), ..LimitSettings::default() })
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_burst_is_allowed_and_then_one_at_a_time() {
        let (limits, start) = (limits("3/30s"), Instant::now());
        for _ in 0..3 {
            assert_eq!(limits.take(Limit::Logins, "a", start), Ok(()));
        }
        assert_eq!(limits.take(Limit::Logins, "a", start), Err(Exceeded { retry_after: secs(10) }));
        assert_eq!(limits.take(Limit::Logins, "b", start), Ok(()), "another address");
        assert_eq!(limits.take(Limit::Logins, "a", start + secs(9)), Err(Exceeded { retry_after: secs(1) }));
        assert_eq!(limits.take(Limit::Logins, "a", start + secs(10)), Ok(()), "what was refused counts for nothing");
        assert!(limits.take(Limit::Logins, "a", start + secs(10)).is_err());
        for _ in 0..3 {
            assert_eq!(limits.take(Limit::Logins, "a", start + secs(60)), Ok(()), "but never more at once");
        }
        assert!(limits.take(Limit::Logins, "a", start + secs(60)).is_err());
    }

    #[test]
    fn looking_at_a_limit_takes_nothing_from_it() {
        let (limits, now) = (limits("1/1m"), Instant::now());
        for _ in 0..3 {
            assert_eq!(limits.look(Limit::Logins, "a", now), Ok(()));
        }
        limits.take(Limit::Logins, "a", now).unwrap();
        assert_eq!(limits.look(Limit::Logins, "a", now), Err(Exceeded { retry_after: secs(60) }));
    }

    #[test]
    fn several_rates_all_apply() {
        let (limits, start) = (limits("2/10s, 4/1h"), Instant::now());
        let taken = (0..100).filter(|second| limits.take(Limit::Logins, "a", start + secs(*second)).is_ok()).count();
        assert_eq!(taken, 4);
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        for off in ["off", "0"] {
            let (limits, now) = (limits(off), Instant::now());
            assert!((0..10_000).all(|_| limits.take(Limit::Logins, "a", now).is_ok()));
        }
    }

    #[test]
    fn more_keys_than_are_remembered_take_bounded_memory_and_refuse_nobody_else() {
        let (limits, now) = (limits("1/1h"), Instant::now());
        for key in 0..3 * MAX_KEYS {
            assert_eq!(limits.take(Limit::Logins, &key.to_string(), now), Ok(()));
        }
        assert!(limits.logins.lock()[0].len() <= MAX_KEYS);
    }

    #[test]
    fn as_many_keys_as_are_remembered_are_all_refused_again() {
        let (limits, now) = (limits("1/1h"), Instant::now());
        for is_first in [true, false] {
            for key in 0..MAX_KEYS {
                assert_eq!(limits.take(Limit::Logins, &key.to_string(), now).is_ok(), is_first, "{key}");
            }
        }
        const { assert!(MAX_KEYS >= 65_536) };
    }

    #[test]
    fn one_key_too_many_displaces_those_whose_time_is_over_and_nobody_else() {
        let (limits, start) = (limits("1/1h"), Instant::now());
        let take = |key: usize, at: Instant| limits.take(Limit::Logins, &key.to_string(), at).is_ok();
        assert!((0..MAX_KEYS / 2).all(|key| take(key, start)));
        assert!((MAX_KEYS / 2..MAX_KEYS).all(|key| take(key, start + secs(1800))));
        let now = start + secs(3600);
        assert!(take(MAX_KEYS, now));
        assert!((MAX_KEYS / 2..MAX_KEYS).all(|key| !take(key, now)));
    }

    #[test]
    fn one_recent_key_too_many_displaces_half_of_them() {
        let (limits, now) = (limits("1/1h"), Instant::now());
        (0..=MAX_KEYS).for_each(|key| limits.take(Limit::Logins, &key.to_string(), now).unwrap());
        let is_refused = |key: &usize| limits.look(Limit::Logins, &key.to_string(), now).is_err();
        assert_eq!((0..=MAX_KEYS).filter(is_refused).count(), MAX_KEYS / 2 + 1);
    }

    #[test]
    fn a_crowd_may_ask_for_twenty_times_as_much_at_once() {
        let (limits, now) = (limits("3/30s"), Instant::now());
        assert_eq!((0..100).filter(|_| limits.take_of_crowd(Limit::Logins, "a", now).is_ok()).count(), 60);
        assert_eq!(limits.take(Limit::Logins, "a", now), Ok(()), "one client is counted apart");
        assert_eq!(limits.take_of_crowd(Limit::LoginsPerAccount, "a", now), Ok(()), "an account is no crowd");
    }

    #[test]
    fn the_rates_of_limits_that_are_counted_here_are_known() {
        let limits = limits("3/30s");
        assert_eq!(limits.rates(Limit::Logins).map(ToString::to_string), Some("3/30s".to_owned()));
        assert_eq!(limits.rates(Limit::Failures), None);
    }

    #[test]
    fn while_as_many_refusals_as_are_remembered_are_recent_others_are_not_reported() {
        let (limits, start) = (limits("1/1m"), Instant::now());
        for key in 0..MAX_REPORTED {
            assert_eq!(limits.refused(Limit::Logins, &key.to_string(), start), Some(0));
        }
        assert_eq!(limits.refused(Limit::Logins, "one more", start + REPORT_INTERVAL - secs(1)), None);
        assert_eq!(limits.refused(Limit::Logins, "one more", start + REPORT_INTERVAL), Some(0));
    }

    #[test]
    fn a_limit_that_refuses_is_reported_once_in_a_while_with_how_much_it_refused() {
        let (limits, start) = (limits("1/1m"), Instant::now());
        assert_eq!(limits.refused(Limit::Logins, "a", start), Some(0));
        for second in 1..100 {
            assert_eq!(limits.refused(Limit::Logins, "a", start + secs(second)), None);
        }
        assert_eq!(limits.refused(Limit::Refreshes, "a", start), Some(0), "another limit");
        assert_eq!(limits.refused(Limit::Logins, "a", start + REPORT_INTERVAL), Some(99));
        for key in 0..2 * MAX_REPORTED {
            limits.refused(Limit::Logins, &key.to_string(), start);
        }
        assert!(limits.closed.lock().unwrap().len() <= MAX_REPORTED);
    }
}
