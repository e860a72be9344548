//! Observers, which learn what happens, to count it.

use crate::{VerifiedToken, guard::rejection::Rejection};
#[cfg(feature = "fetch")]
use crate::{keys::fetch::FetchError, revocations::FeedError};

/// Learns what happens. Each method does nothing by default, and must not block: requests wait for it.
pub trait Observer: Send + Sync {
    /// What became of a request's credentials. Also called when there were none: [`Rejection::Missing`].
    fn token_judged(&self, verdict: Result<&VerifiedToken, &Rejection>) {
        let _ = verdict;
    }

    /// The outcome of a fetch of the published keys.
    #[cfg(feature = "fetch")]
    fn keys_fetched(&self, outcome: Result<(), &FetchError>) {
        let _ = outcome;
    }

    /// The outcome of a question to the revocation feed.
    #[cfg(feature = "fetch")]
    fn feed_read(&self, outcome: Result<(), &FeedError>) {
        let _ = outcome;
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
