//! Who learns what happens, to count it.

#[cfg(feature = "fetch")]
use crate::keys::fetch::FetchError;
use crate::{VerifiedToken, guard::rejection::Rejection};

/// Learns what happens. Each method does nothing unless it is written, and must not block: requests wait for it.
pub trait Observer: Send + Sync {
    /// What became of a request's credentials. Also called when there were none: [`Rejection::Missing`].
    fn token_judged(&self, verdict: Result<&VerifiedToken, &Rejection>) {
        let _ = verdict;
    }

    /// What came of asking for the published keys.
    #[cfg(feature = "fetch")]
    fn keys_fetched(&self, outcome: Result<(), &FetchError>) {
        let _ = outcome;
    }
}

/// Nobody learns anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
