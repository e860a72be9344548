//! Throttling of failed logins: by account and network, by address, and by account, so that nobody can guess for long
//! and nobody can lock a user out from afar.
//!
//! Attempts are looked at before the password is hashed, and again before the result is told: a burst of parallel
//! guesses learns no more than the same guesses one after the other.

use super::{
    Unavailable,
    account::EmailAddress,
    counters::{Count, CounterKey, Counters},
    limits::{CROWD, Limit, Rate},
    secret::KeyRing,
};
use futures_util::future::try_join_all;
use shared::ids::SessionId;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

/// How long a device is known after a login.
const DEVICE_KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many failures there may be in a time; `None`: as many as there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimits {
    /// From an address.
    pub per_address: Option<Rate>,
    /// For an account, from everywhere; devices that have logged in to it before are exempt.
    pub per_account: Option<Rate>,
    /// For an account, from one network.
    pub per_account_and_network: Option<Rate>,
}

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Whether different clients have different addresses: not so behind a proxy that is not trusted.
    pub is_told_apart: bool,
    /// Whom such a proxy names, if it does.
    pub named: Option<IpAddr>,
    /// The session of this account's whose token the device has shown.
    pub known_device: Option<SessionId>,
}

/// Whose password is tried. It need not be anybody's.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The address that was given.
    pub email: &'a EmailAddress,
    /// How often its account was unlocked: what failed before counts no more. Zero where there is none.
    pub unlocks: i64,
}

/// An attempt to log in. Without a target, what was given is no address.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose password is tried.
    pub target: Option<Target<'a>>,
    /// From where.
    pub origin: Origin,
}

/// Why an attempt is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Throttled {
    /// Too many failures; try again later.
    #[error("too many failed attempts")]
    TooMany {
        /// Which limit was reached, of those that bind for longest.
        limit: Limit,
        /// Whose.
        key: CounterKey,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store of the counters did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Counts failures and refuses attempts.
pub struct Throttle {
    counters: Arc<dyn Counters>,
    keys: Arc<KeyRing>,
    limits: FailureLimits,
}

/// How many times as often as from a network a password may be wrong from a crowd, whose members an address does not tell apart:
/// less than what locks the account for everybody.
const CROWD_OF_ACCOUNT: u32 = 3;

/// How many failures a counter may show.
struct Bound {
    limit: Limit,
    key: CounterKey,
    rate: Rate,
    spares: Spares,
}

/// Whom a bound does not hold for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spares {
    Nobody,
    /// Devices that show a token of the account: they count their own failures.
    Devices,
    /// These, and networks from which somebody has logged in to the account.
    DevicesAndNetworks,
}

impl Throttle {
    /// Throttling with counters in a store.
    #[must_use]
    pub fn new(counters: Arc<dyn Counters>, keys: Arc<KeyRing>, limits: FailureLimits) -> Self {
        Self { counters, keys, limits }
    }

    /// Whether an attempt may be made: ask before anything costly.
    ///
    /// # Errors
    /// [`Throttled`].
    pub async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        let bounds = self.bounds(attempt);
        let keys: Vec<CounterKey> = bounds.iter().map(|bound| bound.key.clone()).collect();
        let counts = self.counters.read(&keys).await?;
        self.judge(attempt, &bounds, &counts).await
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// [`Throttled`]: the failure may not be told.
    pub async fn failed(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        let bounds = self.bounds(attempt);
        let added = bounds.iter().map(|bound| self.counters.add(std::slice::from_ref(&bound.key), bound.rate.within));
        let counts = try_join_all(added).await?.concat();
        // The failure that reaches a limit is still told, the one after it is not.
        let told: Vec<Count> =
            counts.iter().map(|count| Count { value: count.value.saturating_sub(1), ..*count }).collect();
        self.judge(attempt, &bounds, &told).await
    }

    /// Remembers the device, unless other attempts have failed too often in the meantime.
    ///
    /// # Errors
    /// [`Throttled`]: the success may not be told.
    pub async fn succeeded(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        self.admit(attempt).await?;
        if let Some(device) = self.device(attempt) {
            self.counters.add(&[device], DEVICE_KNOWN_FOR).await?;
        }
        Ok(())
    }

    /// Forgets, in a bounded batch, failures that no longer count; answers how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable> {
        self.counters.forget_expired(at_most).await
    }

    async fn judge(&self, attempt: &Attempt<'_>, bounds: &[Bound], counts: &[Count]) -> Result<(), Throttled> {
        let is_device = attempt.origin.known_device.is_some();
        let binds = |bound: &Bound| bound.spares == Spares::Nobody || !is_device;
        let is_reached = |(bound, count): &(&Bound, &Count)| binds(bound) && count.value >= u64::from(bound.rate.most);
        let reached = || bounds.iter().zip(counts).filter(is_reached);
        let is_spared = reached().any(|(bound, _)| bound.spares == Spares::DevicesAndNetworks)
            && self.is_known_network(attempt).await?;
        let binding = reached().filter(|(bound, _)| !(is_spared && bound.spares == Spares::DevicesAndNetworks));
        binding.max_by_key(|(_, count)| count.resets_in).map_or(Ok(()), |(bound, count)| {
            Err(Throttled::TooMany { limit: bound.limit, key: bound.key.clone(), retry_after: count.resets_in })
        })
    }

    async fn is_known_network(&self, attempt: &Attempt<'_>) -> Result<bool, Unavailable> {
        let Some(device) = self.device(attempt) else { return Ok(false) };
        let counts = self.counters.read(&[device]).await?;
        Ok(counts.first().is_some_and(|count| count.value > 0))
    }

    /// The counter of a network's logins to an account: whoever calls from it is no stranger. `None` where that says nothing.
    fn device(&self, attempt: &Attempt<'_>) -> Option<CounterKey> {
        let target = attempt.target.filter(|_| attempt.origin.is_told_apart)?;
        Some(self.name(&format!("device {} {}", target.email, network(attempt.origin.address))))
    }

    fn bounds(&self, attempt: &Attempt<'_>) -> Vec<Bound> {
        let Attempt { target, origin } = attempt;
        let FailureLimits { per_address, per_account, per_account_and_network } = self.limits;
        let mut bounds = Vec::new();
        let mut bound = |limit, rate: Option<Rate>, factor, name: String, spares| {
            let rate = rate.map(|rate| rate.times(factor));
            bounds.extend(rate.map(|rate| Bound { limit, key: self.name(&name), rate, spares }));
        };
        for (place, factor) in places_of(origin, host, CROWD) {
            bound(Limit::Failures, per_address, factor, format!("address {place}"), Spares::Devices);
        }
        if let Some(account) = target.map(name_of) {
            let pair = Limit::FailuresPerAccountAndNetwork;
            for (place, factor) in places_of(origin, network, CROWD_OF_ACCOUNT) {
                bound(pair, per_account_and_network, factor, format!("pair {account} {place}"), Spares::Devices);
            }
            if let Some(session) = origin.known_device {
                bound(pair, per_account_and_network, 1, format!("pair {account} {session}"), Spares::Nobody);
            }
            let everywhere = format!("account {account}");
            bound(Limit::FailuresPerAccount, per_account, 1, everywhere, Spares::DevicesAndNetworks);
        }
        bounds
    }

    fn name(&self, parts: &str) -> CounterKey {
        CounterKey(self.keys.current().throttle_name(parts))
    }
}

/// Every unlocking gives an account new counters.
fn name_of(target: Target<'_>) -> String {
    let Target { email, unlocks } = target;
    if unlocks == 0 { email.to_string() } else { format!("{email} {unlocks}") }
}

/// From where attempts are counted together, and how many times as many there may be. Where an address does not tell clients apart,
/// whom the proxy names counts as anybody else, and all of them together count too: the name may be the client's invention.
fn places_of(origin: &Origin, prefix: fn(IpAddr) -> IpAddr, crowd: u32) -> Vec<(String, u32)> {
    let place = prefix(origin.address);
    if origin.is_told_apart {
        return vec![(place.to_string(), 1)];
    }
    let named = origin.named.map(|named| (format!("{place} for {}", prefix(named)), 1));
    named.into_iter().chain([(format!("crowd {place}"), crowd)]).collect()
}

/// What one subscriber has: an IPv4 address, an IPv6 /56.
pub(super) fn host(address: IpAddr) -> IpAddr {
    prefix(address, 32, 56)
}

/// What one subscriber moves about in: an IPv4 /24, an IPv6 /56.
pub(super) fn network(address: IpAddr) -> IpAddr {
    prefix(address, 24, 56)
}

fn prefix(address: IpAddr, v4: u32, v6: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => (address & std::net::Ipv4Addr::from(u32::MAX << (32 - v4))).into(),
        IpAddr::V6(address) => (address & Ipv6Addr::from(u128::MAX << (128 - v6))).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::RootSecret;
    use async_trait::async_trait;
    use std::{collections::HashMap, sync::Mutex};

    /// Counters that never expire: the expiry is the stores' promise, kept by their contract tests.
    #[derive(Default)]
    struct Tally(Mutex<HashMap<CounterKey, u64>>);

    #[async_trait]
    impl Counters for Tally {
        async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Count>, Unavailable> {
            let tally = self.0.lock().unwrap();
            let count = |key| Count { value: tally.get(key).copied().unwrap_or(0), resets_in: DEVICE_KNOWN_FOR };
            Ok(keys.iter().map(count).collect())
        }

        async fn add(&self, keys: &[CounterKey], _: Duration) -> Result<Vec<Count>, Unavailable> {
            for key in keys {
                *self.0.lock().unwrap().entry(key.clone()).or_default() += 1;
            }
            self.read(keys).await
        }

        async fn forget_expired(&self, _: u32) -> Result<u64, Unavailable> {
            Ok(0)
        }
    }

    fn throttle() -> Throttle {
        let root = RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap();
        let rate = |text: &str| Some(text.parse().unwrap());
        let limits = FailureLimits {
            per_address: rate("100/15m"),
            per_account: rate("50/15m"),
            per_account_and_network: rate("10/15m"),
        };
        Throttle::new(Arc::new(Tally::default()), Arc::new(KeyRing::new(&root, None)), limits)
    }

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn from(text: &str) -> Origin {
        Origin { address: text.parse().unwrap(), is_told_apart: true, named: None, known_device: None }
    }

    fn at(email: &EmailAddress, origin: Origin) -> Attempt<'_> {
        Attempt { target: Some(Target { email, unlocks: 0 }), origin }
    }

    fn is_refused(result: &Result<(), Throttled>) -> bool {
        matches!(result, Err(Throttled::TooMany { .. }))
    }

    #[tokio::test]
    async fn ten_failures_from_one_network_are_told_and_the_eleventh_attempt_is_refused() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let here = at(&ada, from("192.0.2.7"));
        for _ in 0..10 {
            assert!(throttle.admit(&here).await.is_ok());
            assert!(throttle.failed(&here).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&here).await));
        assert!(is_refused(&throttle.admit(&at(&ada, from("192.0.2.99"))).await));
        assert!(throttle.admit(&at(&ada, from("198.51.100.1"))).await.is_ok());
    }

    #[tokio::test]
    async fn a_burst_that_was_admitted_together_is_told_ten_results_only() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let here = at(&ada, from("192.0.2.7"));
        let mut told = 0;
        for _ in 0..40 {
            told += u32::from(throttle.failed(&here).await.is_ok());
        }
        assert_eq!(told, 10);
        assert!(is_refused(&throttle.succeeded(&here).await), "the right guess after the limit is not told");
    }

    #[tokio::test]
    async fn an_address_may_fail_a_hundred_times_over_all_accounts_and_what_is_none() {
        let (throttle, ada, here) = (throttle(), email("ada@example.com"), from("2001:db8::1"));
        for index in 0..50 {
            let somebody = email(&format!("user{index}@example.com"));
            assert!(throttle.failed(&at(&somebody, here)).await.is_ok());
            assert!(throttle.failed(&Attempt { target: None, origin: here }).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&at(&ada, from("2001:db8::2"))).await), "the same /56");
        assert!(is_refused(&throttle.admit(&Attempt { target: None, origin: here }).await));
        let behind_a_proxy = Origin { is_told_apart: false, ..here };
        assert!(throttle.admit(&at(&ada, behind_a_proxy)).await.is_ok());
    }

    #[tokio::test]
    async fn a_distributed_attack_locks_the_account_but_not_a_device_that_has_logged_in_before() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let home = at(&ada, from("203.0.113.5"));
        throttle.succeeded(&home).await.unwrap();
        for index in 0..50 {
            assert!(throttle.failed(&at(&ada, from(&format!("10.0.{index}.1")))).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&at(&ada, from("10.9.9.9"))).await));
        assert!(throttle.admit(&home).await.is_ok());
        let elsewhere_with_a_token = Origin { known_device: Some(SessionId::fresh()), ..from("10.9.9.9") };
        assert!(throttle.admit(&at(&ada, elsewhere_with_a_token)).await.is_ok());
    }

    #[tokio::test]
    async fn where_clients_are_not_told_apart_a_known_device_is_never_locked_out_by_others() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let anybody = Origin { is_told_apart: false, ..from("127.0.0.1") };
        let known = Origin { known_device: Some(SessionId::fresh()), ..anybody };
        throttle.succeeded(&at(&ada, anybody)).await.unwrap();
        for failures in 0..60 {
            let is_told = throttle.failed(&at(&ada, anybody)).await.is_ok();
            assert_eq!(is_told, failures < 30, "a login through the same proxy makes no stranger a known device");
            assert!(throttle.admit(&at(&ada, known)).await.is_ok());
        }
        for _ in 0..10 {
            assert!(throttle.failed(&at(&ada, known)).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&at(&ada, known)).await), "a stolen device guesses no longer than others");
    }

    #[tokio::test]
    async fn neighbours_of_a_device_that_has_logged_in_before_do_not_lock_it_out() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let neighbour = from("192.0.2.7");
        for index in 0..100 {
            throttle.failed(&at(&email(&format!("user{index}@example.com")), neighbour)).await.unwrap();
        }
        for _ in 0..10 {
            assert!(throttle.failed(&at(&ada, from("192.0.2.8"))).await.is_ok());
        }
        let known = Origin { known_device: Some(SessionId::fresh()), ..neighbour };
        assert!(is_refused(&throttle.admit(&at(&ada, neighbour)).await));
        assert!(throttle.admit(&at(&ada, known)).await.is_ok());
        for _ in 0..10 {
            assert!(throttle.failed(&at(&ada, known)).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&at(&ada, known)).await), "it counts its own failures");
    }

    #[tokio::test]
    async fn who_pretends_to_be_a_proxy_gets_around_no_limit_and_locks_out_nobody_elsewhere() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let pretending = |name: u32| Origin {
            is_told_apart: false,
            named: Some(std::net::Ipv4Addr::from(name << 8).into()),
            ..from("192.168.0.7")
        };
        let guesses = 0..60;
        let mut told = 0;
        for guess in guesses {
            let attempt = at(&ada, pretending(guess));
            if throttle.admit(&attempt).await.is_ok() && throttle.failed(&attempt).await.is_ok() {
                told += 1;
            }
        }
        assert_eq!(told, 30);
        assert!(throttle.admit(&at(&ada, from("203.0.113.5"))).await.is_ok(), "from elsewhere");
        let mut told = 0;
        for guess in 0..2100 {
            let somebody = email(&format!("user{guess}@example.com"));
            told += u32::from(throttle.failed(&at(&somebody, pretending(guess))).await.is_ok());
        }
        assert!((1900..=2000).contains(&told), "{told}");
    }

    #[tokio::test]
    async fn behind_a_proxy_that_is_not_trusted_each_client_it_names_counts_by_itself() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let behind =
            |client: &str| Origin { is_told_apart: false, named: Some(client.parse().unwrap()), ..from("10.0.0.1") };
        let (attacker, other) = (behind("198.51.100.1"), behind("203.0.113.8"));
        for _ in 0..10 {
            assert!(throttle.failed(&at(&ada, attacker)).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&at(&ada, attacker)).await));
        assert!(throttle.admit(&at(&ada, other)).await.is_ok());
    }

    #[tokio::test]
    async fn what_failed_before_an_account_was_unlocked_counts_no_more() {
        let (throttle, ada) = (throttle(), email("ada@example.com"));
        let unlocked = |unlocks| Attempt { target: Some(Target { email: &ada, unlocks }), origin: from("192.0.2.7") };
        for unlocks in 0..3 {
            assert!(throttle.admit(&unlocked(unlocks)).await.is_ok());
            for _ in 0..10 {
                throttle.failed(&unlocked(unlocks)).await.unwrap();
            }
            assert!(is_refused(&throttle.admit(&unlocked(unlocks)).await));
        }
    }
}
