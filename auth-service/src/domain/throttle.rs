//! Throttling of failed logins: by account and address, by address, and by account, so that nobody can guess for long
//! and nobody can lock a user out from afar.
//!
//! Attempts are looked at before the password is hashed, and again before the result is told: a burst of parallel
//! guesses learns no more than the same guesses one after the other.

use super::{
    Unavailable,
    account::EmailAddress,
    counters::{Count, CounterKey, Counters},
    secret::KeyRing,
};
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// How long a device is known after a login.
const DEVICE_KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

const PER_ACCOUNT_AND_ADDRESS: u64 = 10;
const PER_ADDRESS: u64 = 100;
const PER_ACCOUNT: u64 = 50;

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Whether different clients have different addresses: not so behind a proxy that is not trusted.
    pub is_told_apart: bool,
    /// Whether the device has shown a token of this account's.
    pub is_known_device: bool,
}

/// Why an attempt is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Throttled {
    /// Too many failures; try again later.
    #[error("too many failed attempts")]
    TooMany {
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
}

/// The counters of one attempt.
struct Limits {
    keys: Vec<CounterKey>,
    limits: Vec<u64>,
    device: CounterKey,
    is_known_device: bool,
}

impl Throttle {
    /// Throttling with counters in a store.
    #[must_use]
    pub fn new(counters: Arc<dyn Counters>, keys: Arc<KeyRing>) -> Self {
        Self { counters, keys }
    }

    /// Whether an attempt may be made: ask before anything costly.
    ///
    /// # Errors
    /// [`Throttled`].
    pub async fn admit(&self, email: &EmailAddress, origin: &Origin) -> Result<(), Throttled> {
        let limits = self.limits(email, origin);
        self.check(&limits).await
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// [`Throttled`]: the failure may not be told.
    pub async fn failed(&self, email: &EmailAddress, origin: &Origin) -> Result<(), Throttled> {
        let limits = self.limits(email, origin);
        let counts = self.counters.add(&limits.keys, WINDOW).await?;
        // The failure that reaches a limit is still told, the one after it is not.
        let told: Vec<Count> =
            counts.iter().map(|count| Count { value: count.value.saturating_sub(1), ..*count }).collect();
        self.judge(&limits, &told).await
    }

    /// Remembers the device, unless other attempts have failed too often in the meantime.
    ///
    /// # Errors
    /// [`Throttled`]: the success may not be told.
    pub async fn succeeded(&self, email: &EmailAddress, origin: &Origin) -> Result<(), Throttled> {
        let limits = self.limits(email, origin);
        self.check(&limits).await?;
        self.counters.add(&[limits.device], DEVICE_KNOWN_FOR).await?;
        Ok(())
    }

    /// Forgets, in a bounded batch, failures that no longer count; answers how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable> {
        self.counters.forget_expired(at_most).await
    }

    async fn check(&self, limits: &Limits) -> Result<(), Throttled> {
        let counts = self.counters.read(&limits.keys).await?;
        self.judge(limits, &counts).await
    }

    async fn judge(&self, limits: &Limits, counts: &[Count]) -> Result<(), Throttled> {
        let over = |index: usize| counts.get(index).filter(|count| count.value >= limits.limits[index]);
        // The account's own limit is the last one: a device that has logged in before is exempt from it.
        let last = limits.limits.len() - 1;
        let mut worst = (0..last).filter_map(over).map(|count| count.resets_in).max();
        if let Some(count) = over(last)
            && !self.is_known(limits).await?
        {
            worst = worst.max(Some(count.resets_in));
        }
        worst.map_or(Ok(()), |retry_after| Err(Throttled::TooMany { retry_after }))
    }

    async fn is_known(&self, limits: &Limits) -> Result<bool, Unavailable> {
        if limits.is_known_device {
            return Ok(true);
        }
        let counts = self.counters.read(std::slice::from_ref(&limits.device)).await?;
        Ok(counts.first().is_some_and(|count| count.value > 0))
    }

    fn limits(&self, email: &EmailAddress, origin: &Origin) -> Limits {
        let name = |parts: &str| CounterKey(self.keys.current().throttle_name(parts));
        let network = network(origin.address);
        let mut keys = vec![name(&format!("pair {email} {network}"))];
        let mut limits = vec![PER_ACCOUNT_AND_ADDRESS];
        if origin.is_told_apart {
            keys.push(name(&format!("address {}", host(origin.address))));
            limits.push(PER_ADDRESS);
        }
        keys.push(name(&format!("account {email}")));
        limits.push(PER_ACCOUNT);
        Limits {
            keys,
            limits,
            device: name(&format!("device {email} {network}")),
            is_known_device: origin.is_known_device,
        }
    }
}

/// What one subscriber has: an IPv4 address, an IPv6 /64.
fn host(address: IpAddr) -> IpAddr {
    prefix(address, 32, 64)
}

/// What one subscriber moves about in: an IPv4 /24, an IPv6 /56.
fn network(address: IpAddr) -> IpAddr {
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
            let count = |key| Count { value: tally.get(key).copied().unwrap_or(0), resets_in: WINDOW };
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
        Throttle::new(Arc::new(Tally::default()), Arc::new(KeyRing::new(&root, None)))
    }

    fn ada() -> EmailAddress {
        EmailAddress::parse("ada@example.com").unwrap()
    }

    fn from(text: &str) -> Origin {
        Origin { address: text.parse().unwrap(), is_told_apart: true, is_known_device: false }
    }

    fn is_refused(result: &Result<(), Throttled>) -> bool {
        matches!(result, Err(Throttled::TooMany { .. }))
    }

    #[tokio::test]
    async fn ten_failures_from_one_network_are_told_and_the_eleventh_attempt_is_refused() {
        let (throttle, here) = (throttle(), from("192.0.2.7"));
        for _ in 0..10 {
            assert!(throttle.admit(&ada(), &here).await.is_ok());
            assert!(throttle.failed(&ada(), &here).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&ada(), &here).await));
        assert!(is_refused(&throttle.admit(&ada(), &from("192.0.2.99")).await));
        assert!(throttle.admit(&ada(), &from("198.51.100.1")).await.is_ok());
    }

    #[tokio::test]
    async fn a_burst_that_was_admitted_together_is_told_ten_results_only() {
        let (throttle, here) = (throttle(), from("192.0.2.7"));
        let mut told = 0;
        for _ in 0..40 {
            told += u32::from(throttle.failed(&ada(), &here).await.is_ok());
        }
        assert_eq!(told, 10);
        assert!(is_refused(&throttle.succeeded(&ada(), &here).await), "the right guess after the limit is not told");
    }

    #[tokio::test]
    async fn an_address_may_fail_a_hundred_times_over_all_accounts() {
        let (throttle, here) = (throttle(), from("2001:db8::1"));
        for index in 0..100 {
            let email = EmailAddress::parse(&format!("user{index}@example.com")).unwrap();
            assert!(throttle.failed(&email, &here).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&ada(), &from("2001:db8::2")).await), "the same /64");
        let behind_a_proxy = Origin { is_told_apart: false, ..here };
        assert!(throttle.admit(&ada(), &behind_a_proxy).await.is_ok());
    }

    #[tokio::test]
    async fn a_distributed_attack_locks_the_account_but_not_a_device_that_has_logged_in_before() {
        let (throttle, home) = (throttle(), from("203.0.113.5"));
        throttle.succeeded(&ada(), &home).await.unwrap();
        for index in 0..50 {
            assert!(throttle.failed(&ada(), &from(&format!("10.0.{index}.1"))).await.is_ok());
        }
        assert!(is_refused(&throttle.admit(&ada(), &from("10.9.9.9")).await));
        assert!(throttle.admit(&ada(), &home).await.is_ok());
        let elsewhere_with_a_token = Origin { is_known_device: true, ..from("10.9.9.9") };
        assert!(throttle.admit(&ada(), &elsewhere_with_a_token).await.is_ok());
    }
}
