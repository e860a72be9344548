//! Counters that expire: what throttling needs of a store.

use crate::domain::Unavailable;
use async_trait::async_trait;
use std::time::Duration;

/// The name of a counter. Made of keyed hashes: it tells neither an address nor an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterKey(pub String);

/// What a counter shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How often it was added to since its window began; zero when there is none.
    pub value: u64,
    /// How long until it is zero again.
    pub resets_in: Duration,
}

/// A store of counters. May forget what it said it wrote.
#[async_trait]
pub trait Counters: Send + Sync {
    /// What the counters show, in the order of `keys`.
    async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Count>, Unavailable>;

    /// Adds one to each, atomically by key, and answers what they show then. One that was zero starts a window of
    /// `window`, which later additions do not prolong.
    async fn add(&self, keys: &[CounterKey], window: Duration) -> Result<Vec<Count>, Unavailable>;

    /// Forgets, in a bounded batch, counters whose window is over; answers how many. Stores that forget by themselves
    /// answer zero.
    async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable>;
}
