//! What auth-service counts.

use crate::domain::{mail::MailKind, passwords::stored_hash::Unusable, throttling::limits::Limit};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use shared::metrics::{Counts, Durations};
use std::sync::{LazyLock, atomic::AtomicU64};

/// Logins by outcome.
pub static LOGINS: LazyLock<Counts> = LazyLock::new(|| {
    let outcomes = [
        "success",
        "second_factor",
        "invalid",
        "expired",
        "disabled",
        "unverified",
        "throttled",
        "overloaded",
        "failed",
        "unavailable",
    ];
    Counts::by("outcome", &outcomes)
});

/// Logins that failed because the stored hash cannot be used, by reason.
pub static UNUSABLE_HASHES: LazyLock<Counts> = LazyLock::new(|| Counts::by("reason", &Unusable::NAMES));

/// New passwords that were looked up in the list of breached ones, by what it said.
pub static BREACH_CHECKS: LazyLock<Counts> =
    LazyLock::new(|| Counts::by("outcome", &["clear", "breached", "unanswered"]));

/// Refreshes by outcome.
pub static REFRESHES: LazyLock<Counts> = LazyLock::new(|| {
    let outcomes = ["rotated", "replayed", "retried", "adopted", "reuse", "ended", "limited", "unavailable"];
    Counts::by("outcome", &outcomes)
});

/// Requests refused by a limit, by limit.
pub static LIMITED: LazyLock<Counts> = LazyLock::new(|| Counts::by("limit", Limit::NAMES));
/// Session records that were in the store but not accepted, by reason.
pub static RECORDS_REFUSED: LazyLock<Counts> = LazyLock::new(|| Counts::by("reason", &["foreign", "unknown"]));

/// How long calls to the stores took, failed ones included.
pub static STORE_SECONDS: LazyLock<Durations> = LazyLock::new(|| Durations::by("store"));

/// Calls that a store did not answer in time, or answered with an error.
pub static STORE_FAILURES: LazyLock<Counts> = LazyLock::new(|| Counts::by("store", &["sql", "redis"]));

/// What became of mails, by kind.
pub static MAILS: LazyLock<MailCounts> = LazyLock::new(MailCounts::new);

/// How many mails wait in the outbox of all replicas, as last seen.
pub static MAIL_WAITING: LazyLock<Gauge<f64, AtomicU64>> = LazyLock::new(Gauge::default);

/// The age of the oldest of them in seconds.
pub static MAIL_OLDEST: LazyLock<Gauge<f64, AtomicU64>> = LazyLock::new(Gauge::default);

/// Counters by the kind of mail and what became of it.
#[derive(Debug, Default)]
pub struct MailCounts(Family<[(&'static str, &'static str); 2], Counter>);

impl MailCounts {
    /// All at zero.
    fn new() -> Self {
        let counts = Self::default();
        for kind in MailKind::ALL {
            for result in ["delivered", "kept", "put_off", "refused", "expired", "unreadable"] {
                drop(counts.0.get_or_create(&[("kind", kind.name()), ("result", result)]));
            }
        }
        counts
    }

    /// Counts one.
    pub fn add(&self, kind: MailKind, result: &'static str) {
        self.0.get_or_create(&[("kind", kind.name()), ("result", result)]).inc();
    }

    /// Shows the counters under a name, which Prometheus ends with `_total`.
    pub fn show(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.0.clone());
    }
}
