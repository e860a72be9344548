//! What resource-service counts.

use jeton_verifier::{Observer, VerifiedToken, guard::Rejection, keys::FetchError};
use shared::metrics::{Counts, Verifications};
use std::sync::LazyLock;

/// Fetches of the published keys, by outcome.
pub static KEY_FETCHES: LazyLock<Counts> = LazyLock::new(|| Counts::by("outcome", &["success", "failure"]));

/// Counts what the verifier does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted;

impl Observer for Counted {
    fn token_judged(&self, verdict: Result<&VerifiedToken, &Rejection>) {
        Verifications.token_judged(verdict);
    }

    fn keys_fetched(&self, outcome: Result<(), &FetchError>) {
        KEY_FETCHES.add(if outcome.is_ok() { "success" } else { "failure" });
    }
}
