//! What auth-service counts.

use crate::domain::{passwords::stored_hash::Unusable, throttling::limits::Limit};
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
