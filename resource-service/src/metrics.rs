//! What resource-service counts.

use jeton_verifier::{Observer, VerifiedToken, guard::Rejection, keys::FetchError, revocations::FeedError};
use shared::metrics::{Counts, Verifications};
use std::sync::LazyLock;

/// Fetches of the published keys, by outcome.
pub static KEY_FETCHES: LazyLock<Counts> = LazyLock::new(|| Counts::by("outcome", &["success", "failure"]));

/// Questions to the revocation feed, by outcome.
pub static FEED_READS: LazyLock<Counts> = LazyLock::new(|| Counts::by("outcome", &["success", "failure"]));

/// Counts what the verifier does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted;

impl Observer for Counted {
    fn token_judged(&self, verdict: Result<&VerifiedToken, &Rejection>) {
        Verifications.token_judged(verdict);
    }

    fn keys_fetched(&self, outcome: Result<(), &FetchError>) {
        KEY_FETCHES.add(outcome_of(outcome));
    }

    fn feed_read(&self, outcome: Result<(), &FeedError>) {
        FEED_READS.add(outcome_of(outcome));
    }
}

fn outcome_of<E>(outcome: Result<(), E>) -> &'static str {
    if outcome.is_ok() { "success" } else { "failure" }
}
