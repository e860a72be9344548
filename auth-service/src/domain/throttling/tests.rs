use crate::domain::secrets::RootSecret;
use crate::domain::throttling::*;
use async_trait::async_trait;
use std::{collections::HashMap, sync::Mutex};

/// Counters whose time a test moves.
#[derive(Default)]
struct Tally(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    now: Duration,
    /// What each shows, and when its window is over.
    windows: HashMap<CounterKey, (u64, Duration)>,
}

impl Tally {
    fn pass(&self, time: Duration) {
        self.0.lock().unwrap().now += time;
    }
}

#[async_trait]
impl Counters for Tally {
    async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Count>, Unavailable> {
        let Counted { now, windows } = &*self.0.lock().unwrap();
        let count = |key| match windows.get(key).filter(|(_, end)| end > now) {
            Some((value, end)) => Count { value: *value, resets_in: *end - *now },
            None => Count { value: 0, resets_in: Duration::ZERO },
        };
        Ok(keys.iter().map(count).collect())
    }

    async fn add(&self, keys: &[CounterKey], window: Duration) -> Result<Vec<Count>, Unavailable> {
        for key in keys {
            let Counted { now, windows } = &mut *self.0.lock().unwrap();
            let counter = windows.entry(key.clone()).or_default();
            if counter.1 <= *now {
                *counter = (0, *now + window);
            }
            counter.0 += 1;
        }
        self.read(keys).await
    }

    async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable> {
        let Counted { now, windows } = &mut *self.0.lock().unwrap();
        let expired: Vec<_> = windows.iter().filter(|(_, (_, end))| end <= now).map(|(key, _)| key.clone()).collect();
        let expired = &expired[..expired.len().min(at_most as usize)];
        for key in expired {
            windows.remove(key);
        }
        Ok(expired.len() as u64)
    }
}

fn throttle() -> Throttle {
    throttle_with(Arc::default())
}

fn throttle_with(counters: Arc<Tally>) -> Throttle {
    let root = RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap();
    let rate = |text: &str| Some(text.parse().unwrap());
    let limits = FailureLimits {
        per_address: rate("100/15m"),
        per_account: rate("50/15m"),
        per_account_and_network: rate("10/15m"),
    };
    Throttle::new(counters, Arc::new(KeyRing::new(&root, None)), limits)
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn from(text: &str) -> Origin {
    Origin { address: text.parse().unwrap(), has_own_address: true, named: None, known_device: None }
}

fn at(email: &EmailAddress, origin: Origin) -> Attempt<'_> {
    Attempt { target: Some(Target { email, unlocks: 0 }), origin }
}

fn is_refused(result: &Result<(), Throttled>) -> bool {
    matches!(result, Err(Throttled::TooMany { .. }))
}

#[tokio::test]
async fn ten_failures_from_one_network_are_reported_and_the_eleventh_attempt_is_refused() {
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
async fn a_burst_that_was_admitted_together_gets_only_ten_results() {
    let (throttle, ada) = (throttle(), email("ada@example.com"));
    let here = at(&ada, from("192.0.2.7"));
    let mut reported = 0;
    for _ in 0..40 {
        reported += u32::from(throttle.failed(&here).await.is_ok());
    }
    assert_eq!(reported, 10);
    assert!(is_refused(&throttle.succeeded(&here).await), "a right guess after the limit is not reported");
}

#[tokio::test]
async fn an_address_may_fail_a_hundred_times_over_all_accounts_and_invalid_addresses() {
    let (throttle, ada, here) = (throttle(), email("ada@example.com"), from("2001:db8::1"));
    for index in 0..50 {
        let somebody = email(&format!("user{index}@example.com"));
        assert!(throttle.failed(&at(&somebody, here)).await.is_ok());
        assert!(throttle.failed(&Attempt { target: None, origin: here }).await.is_ok());
    }
    assert!(is_refused(&throttle.admit(&at(&ada, from("2001:db8::2"))).await), "the same /56");
    assert!(is_refused(&throttle.admit(&Attempt { target: None, origin: here }).await));
    let behind_a_proxy = Origin { has_own_address: false, ..here };
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
async fn where_clients_share_an_address_a_known_device_is_never_locked_out_by_others() {
    let (throttle, ada) = (throttle(), email("ada@example.com"));
    let anybody = Origin { has_own_address: false, ..from("127.0.0.1") };
    let known = Origin { known_device: Some(SessionId::fresh()), ..anybody };
    throttle.succeeded(&at(&ada, anybody)).await.unwrap();
    for failures in 0..60 {
        let is_reported = throttle.failed(&at(&ada, anybody)).await.is_ok();
        assert_eq!(is_reported, failures < 30, "a login through the same proxy does not make strangers known devices");
        assert!(throttle.admit(&at(&ada, known)).await.is_ok());
    }
    for _ in 0..10 {
        assert!(throttle.failed(&at(&ada, known)).await.is_ok());
    }
    assert!(is_refused(&throttle.admit(&at(&ada, known)).await), "a stolen device has no more guesses than others");
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
async fn a_client_that_pretends_to_be_a_proxy_evades_no_limit_and_locks_out_nobody_elsewhere() {
    let (throttle, ada) = (throttle(), email("ada@example.com"));
    let pretending = |name: u32| Origin {
        has_own_address: false,
        named: Some(std::net::Ipv4Addr::from(name << 8).into()),
        ..from("192.168.0.7")
    };
    let guesses = 0..60;
    let mut reported = 0;
    for guess in guesses {
        let attempt = at(&ada, pretending(guess));
        if throttle.admit(&attempt).await.is_ok() && throttle.failed(&attempt).await.is_ok() {
            reported += 1;
        }
    }
    assert_eq!(reported, 30);
    assert!(throttle.admit(&at(&ada, from("203.0.113.5"))).await.is_ok(), "from elsewhere");
    let mut reported = 0;
    for guess in 0..2100 {
        let somebody = email(&format!("user{guess}@example.com"));
        reported += u32::from(throttle.failed(&at(&somebody, pretending(guess))).await.is_ok());
    }
    assert!((1900..=2000).contains(&reported), "{reported}");
}

#[tokio::test]
async fn behind_a_proxy_that_is_not_trusted_each_client_it_names_counts_by_itself() {
    let (throttle, ada) = (throttle(), email("ada@example.com"));
    let behind =
        |client: &str| Origin { has_own_address: false, named: Some(client.parse().unwrap()), ..from("10.0.0.1") };
    let (attacker, other) = (behind("198.51.100.1"), behind("203.0.113.8"));
    for _ in 0..10 {
        assert!(throttle.failed(&at(&ada, attacker)).await.is_ok());
    }
    assert!(is_refused(&throttle.admit(&at(&ada, attacker)).await));
    assert!(throttle.admit(&at(&ada, other)).await.is_ok());
}

#[tokio::test]
async fn failures_before_an_account_was_unlocked_no_longer_count() {
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

#[tokio::test]
async fn a_device_is_known_for_thirty_days_after_its_last_login() {
    const HOUR: Duration = Duration::from_secs(3600);
    let counters = Arc::new(Tally::default());
    let (throttle, ada) = (throttle_with(counters.clone()), email("ada@example.com"));
    let home = at(&ada, from("203.0.113.5"));
    throttle.succeeded(&home).await.unwrap();
    let is_known = async || {
        // Fresh failures everywhere lock the account for everybody else.
        for index in 0..50 {
            drop(throttle.failed(&at(&ada, from(&format!("10.0.{index}.1")))).await);
        }
        assert!(is_refused(&throttle.admit(&at(&ada, from("10.9.9.9"))).await));
        throttle.admit(&home).await.is_ok()
    };
    counters.pass(HOUR * (30 * 24 - 1));
    assert!(is_known().await);
    counters.pass(HOUR);
    assert!(!is_known().await);
}

#[tokio::test]
async fn counters_whose_time_is_over_are_forgotten_a_batch_at_a_time() {
    let counters = Arc::new(Tally::default());
    let (throttle, ada) = (throttle_with(counters.clone()), email("ada@example.com"));
    throttle.failed(&at(&ada, from("192.0.2.7"))).await.unwrap();
    assert_eq!(throttle.forget_expired(9).await.unwrap(), 0);
    counters.pass(DEVICE_KNOWN_FOR);
    assert_eq!(throttle.forget_expired(2).await.unwrap(), 2);
    assert_eq!(throttle.forget_expired(9).await.unwrap(), 1, "three limits count a failure");
}
