//! What auth-service counts.

use crate::domain::{Auth, passwords::stored_hash::Unusable, throttling::limits::Limit};
use prometheus_client::{metrics::gauge::ConstGauge, registry::Registry};
use shared::metrics::{Counts, Durations};
use std::sync::LazyLock;

/// What came of logins.
pub static LOGINS: LazyLock<Counts> = LazyLock::new(|| {
    let outcomes = ["success", "invalid", "disabled", "throttled", "overloaded", "failed", "unavailable"];
    Counts::by("outcome", &outcomes)
});

/// Stored password hashes that could not be compared with, by the reason.
pub static UNUSABLE_HASHES: LazyLock<Counts> = LazyLock::new(|| Counts::by("reason", &Unusable::NAMES));

/// What came of refreshes.
pub static REFRESHES: LazyLock<Counts> = LazyLock::new(|| {
    let outcomes = ["rotated", "replayed", "retried", "adopted", "reuse", "ended", "limited", "unavailable"];
    Counts::by("outcome", &outcomes)
});

/// What was refused because somebody asked for too much, by the limit.
pub static LIMITED: LazyLock<Counts> = LazyLock::new(|| Counts::by("limit", Limit::NAMES));
/// Records of sessions that were in the store and not taken.
pub static RECORDS_REFUSED: LazyLock<Counts> = LazyLock::new(|| Counts::by("reason", &["foreign", "unknown"]));

/// How long the stores took to answer, whatever the answer.
pub static STORE_SECONDS: LazyLock<Durations> = LazyLock::new(|| Durations::by("store"));

/// How often a store did not answer.
pub static STORE_FAILURES: LazyLock<Counts> = LazyLock::new(|| Counts::by("store", &["sql", "redis"]));

/// Everything, at this moment.
#[must_use]
pub fn registry(auth: &Auth) -> Registry {
    let mut registry = shared::metrics::registry();
    LOGINS.show(&mut registry, "logins", "Login attempts by outcome");
    UNUSABLE_HASHES.show(
        &mut registry,
        "unusable_password_hashes",
        "Logins that failed because the stored hash cannot be used",
    );
    REFRESHES.show(&mut registry, "refreshes", "Refreshes by outcome; reuse is a theft");
    LIMITED.show(
        &mut registry,
        "limited",
        "Requests refused because an address, an account or a session asked for too much",
    );
    let help = "Records in the session store that auth-service has not written, or not for their session";
    RECORDS_REFUSED.show(&mut registry, "session_records_refused", help);
    STORE_SECONDS.show(&mut registry, "store_seconds", "How long the stores took to answer");
    STORE_FAILURES.show(&mut registry, "store_failures", "How often a store did not answer in time, or with an error");
    let mut gauge = |name: &str, help: &str, value: f64| registry.register(name, help, ConstGauge::new(value));
    gauge("hashing_queue_jobs", "Passwords waiting to be hashed", auth.hasher.waiting() as f64);
    gauge(
        "hashing_queue_capacity_jobs",
        "How many passwords may wait before logins are refused",
        auth.hasher.capacity() as f64,
    );
    let keys = auth.keys.ages();
    let lifetime = auth.keys.policy().lifetime.as_secs_f64();
    gauge("signing_key_lifetime_seconds", "Lifetime of a signing key; 0: until it is replaced by command", lifetime);
    gauge("signing_key_age_seconds", "Age of the current signing key", keys.signing.as_secs_f64());
    gauge("signing_keys_published", "Keys published to verifiers", keys.published as f64);
    gauge("signing_keys_read_age_seconds", "Time since the keys were last read from SQL", keys.read.as_secs_f64());
    registry
}
