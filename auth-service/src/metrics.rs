//! What auth-service counts.

use crate::domain::{passwords::stored_hash::Unusable, throttling::limits::Limit};
use shared::metrics::{Counts, Durations};
use std::sync::LazyLock;

/// Logins by outcome.
pub static LOGINS: LazyLock<Counts> = LazyLock::new(|| {
    let outcomes = ["success", "invalid", "disabled", "throttled", "overloaded", "failed", "unavailable"];
    Counts::by("outcome", &outcomes)
});

/// Logins that failed because the stored hash cannot be used, by reason.
pub static UNUSABLE_HASHES: LazyLock<Counts> = LazyLock::new(|| Counts::by("reason", &Unusable::NAMES));

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
