//! Counters that expire: the store that throttling needs.

use crate::domain::Unavailable;
use async_trait::async_trait;
use std::time::Duration;

/// The name of a counter. Made from keyed hashes: it reveals neither an address nor an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterKey(pub String);

/// What a counter shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The number of additions since its window began; zero if there is no window.
    pub value: u64,
    /// The time until it is zero again.
    pub resets_in: Duration,
}

/// A store of counters. It may lose what it has confirmed.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Reads counters, in the order of `keys`.
    async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Count>, Unavailable>;

    /// Adds one to each, atomically for each key, and returns what they show then. A counter at zero starts a window of
    /// `window`, which later additions do not extend.
    async fn add(&self, keys: &[CounterKey], window: Duration) -> Result<Vec<Count>, Unavailable>;

    /// Deletes a bounded batch of counters whose window is over; returns how many. Stores that expire counters
    /// themselves return zero.
    async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable>;
}
