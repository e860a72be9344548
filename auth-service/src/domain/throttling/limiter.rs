//! What happens when a client asks for too much: the request is refused, counted, and once in a while reported.

use super::limits::{Exceeded, Limit, Limits};
use crate::{
    domain::{
        Client,
        audit::{Action, Audit},
        client::host,
    },
    metrics::LIMITED,
};
use shared::ids::UserId;
use std::{sync::Arc, time::Instant};

/// Limits that are enforced, and reported in the audit log.
pub struct Limiter {
    limits: Limits,
    audit: Arc<Audit>,
}

impl Limiter {
    /// Enforces these limits.
    #[must_use]
    pub fn new(limits: Limits, audit: Arc<Audit>) -> Self {
        Self { limits, audit }
    }

    /// Takes one from what an address may ask for. If an address does not tell clients apart, each client that the
    /// proxy names may ask for as much, and all of them together for [`super::limits::CROWD`] times as much.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn take_of_address(&self, limit: Limit, client: &Client) -> Result<(), Exceeded> {
        let (address, now) = (client.host().to_string(), Instant::now());
        let (key, taken) = match client.named.map(host) {
            _ if client.has_own_address => (address.clone(), self.limits.take(limit, &address, now)),
            Some(named) => {
                let key = format!("{address} {named}");
                let taken = self.limits.take(limit, &key, now);
                (key, taken.and_then(|()| self.limits.take_of_crowd(limit, &address, now)))
            }
            None => (address.clone(), self.limits.take_of_crowd(limit, &address, now)),
        };
        taken.inspect_err(|_| self.report(limit, &key, None, client))
    }

    /// Takes one from what a user, or one of their sessions, may ask for.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn take_of_user(&self, limit: Limit, key: &str, sub: UserId, client: &Client) -> Result<(), Exceeded> {
        let taken = self.limits.take(limit, key, Instant::now());
        taken.inspect_err(|_| self.report(limit, key, Some(sub), client))
    }

    /// As [`Limiter::take_of_user`], but takes nothing.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn look_at_user(&self, limit: Limit, key: &str, sub: UserId, client: &Client) -> Result<(), Exceeded> {
        let found = self.limits.look(limit, key, Instant::now());
        found.inspect_err(|_| self.report(limit, key, Some(sub), client))
    }

    /// Counts a refusal. Reports it if the limit was just reached, or still refuses requests after a while.
    pub fn report(&self, limit: Limit, key: &str, sub: Option<UserId>, client: &Client) {
        LIMITED.add(limit.name());
        let Some(refused_since) = self.limits.refused(limit, key, Instant::now()) else { return };
        let event = self.audit.event(Action::LimitReached).failed().from(client).with("limit", limit.name());
        let event = event.with("refused_since", refused_since);
        let event = match self.limits.rates(limit) {
            Some(rates) => event.with("rate", rates.to_string()),
            None => event,
        };
        self.audit.record_in_background(match sub {
            Some(sub) => event.to(sub),
            None => event,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::limits::LimitSettings, *};
    use crate::domain::{
        Unavailable,
        audit::{AuditLog, AuditQuery, Event},
    };
    use async_trait::async_trait;
    use shared::clock::{SystemClock, Timestamp};
    use tokio::sync::mpsc;

    /// A log that hands over each event.
    struct Reported(mpsc::UnboundedSender<Event>);

    #[async_trait]
    impl AuditLog for Reported {
        async fn append(&self, event: &Event) -> Result<(), Unavailable> {
            self.0.send(event.clone()).ok();
            Ok(())
        }

        async fn events(&self, _: &AuditQuery) -> Result<Vec<Event>, Unavailable> {
            Ok(Vec::new())
        }

        async fn append_once(&self, event: &Event) -> Result<bool, Unavailable> {
            self.append(event).await.map(|()| true)
        }

        async fn incidents(&self, _: UserId, _: u32) -> Result<Vec<Event>, Unavailable> {
            Ok(Vec::new())
        }

        async fn forget_events(&self, _: Timestamp, _: u32) -> Result<u64, Unavailable> {
            Ok(0)
        }
    }

    /// A limiter that lets an address, and an account, do three things an hour, and what it reports.
    fn limiter() -> (Limiter, mpsc::UnboundedReceiver<Event>) {
        let (sender, reported) = mpsc::unbounded_channel();
        let rates = || "3/1h".parse().unwrap();
        let settings = LimitSettings { logins: rates(), logins_per_account: rates(), ..LimitSettings::default() };
        let audit = Audit::new(Arc::new(Reported(sender)), Arc::new(SystemClock));
        (Limiter::new(Limits::new(settings), Arc::new(audit)), reported)
    }

    fn client(address: &str, has_own_address: bool, named: Option<&str>) -> Client {
        Client {
            address: address.parse().unwrap(),
            has_own_address,
            named: named.map(|named| named.parse().unwrap()),
            user_agent: String::new(),
            language: None,
            device: None,
        }
    }

    /// How many of so many requests of a client are let through.
    fn passed(limiter: &Limiter, requests: u32, client: &Client) -> usize {
        (0..requests).filter(|_| limiter.take_of_address(Limit::Logins, client).is_ok()).count()
    }

    #[tokio::test]
    async fn a_client_with_an_address_of_its_own_is_counted_by_it_whatever_it_is_called() {
        let (limiter, _reported) = limiter();
        assert_eq!(passed(&limiter, 5, &client("192.0.2.7", true, Some("198.51.100.1"))), 3);
        assert_eq!(passed(&limiter, 5, &client("192.0.2.7", true, Some("198.51.100.2"))), 0);
        assert_eq!(passed(&limiter, 5, &client("192.0.2.8", true, None)), 3);
    }

    #[tokio::test]
    async fn a_crowd_behind_one_address_may_do_twenty_times_as_much_as_one_client() {
        let (limiter, _reported) = limiter();
        assert_eq!(passed(&limiter, 100, &client("10.0.0.1", false, None)), 60);
        let (limiter, _reported) = self::limiter();
        let mut all = 0;
        for name in 0..30 {
            let named = client("10.0.0.1", false, Some(&format!("198.51.100.{name}")));
            let own = passed(&limiter, 5, &named);
            assert!(own <= 3, "each by itself");
            all += own;
        }
        assert_eq!(all, 60, "and all together");
    }

    #[tokio::test]
    async fn looking_at_what_an_account_may_do_takes_nothing_of_it() {
        let (limiter, _reported) = limiter();
        let (ada, somewhere) = (UserId::fresh(), client("192.0.2.7", true, None));
        let look = || limiter.look_at_user(Limit::LoginsPerAccount, "ada", ada, &somewhere).is_ok();
        let take = || limiter.take_of_user(Limit::LoginsPerAccount, "ada", ada, &somewhere).is_ok();
        assert!((0..9).all(|_| look()));
        assert_eq!([take(), take(), take(), take()], [true, true, true, false]);
        assert!(!look());
    }

    #[tokio::test]
    async fn a_refusal_is_reported_once_with_the_limit_its_rate_and_the_user() {
        let (limiter, mut reported) = limiter();
        let (ada, somewhere) = (UserId::fresh(), client("192.0.2.7", true, None));
        for _ in 0..6 {
            limiter.take_of_user(Limit::LoginsPerAccount, "ada", ada, &somewhere).ok();
        }
        let event = reported.recv().await.unwrap();
        assert_eq!((event.action, event.is_success, event.sub), (Action::LimitReached, false, Some(ada)));
        assert_eq!((&event.details["limit"], &event.details["rate"]), (&"logins_per_account".into(), &"3/1h".into()));
        passed(&limiter, 6, &somewhere);
        let event = reported.recv().await.unwrap();
        assert_eq!(
            (&event.details["limit"], event.sub),
            (&"logins".into(), None),
            "another limit, after the only report"
        );
        assert_eq!(event.ip.as_deref(), Some("192.0.2.7"));
    }
}
