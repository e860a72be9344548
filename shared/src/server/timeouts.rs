//! How long clients may take.

use std::time::Duration;

/// How long clients may take. What takes longer is given up, so that silent clients hold neither connections nor memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a request head, from its first byte to its last.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// Without reading a byte of an answer.
    pub write: Duration,
}

impl Default for Timeouts {
    /// 5 s for a head, 30 s for a body, 30 s without reading a byte.
    fn default() -> Self {
        Self { head: Duration::from_secs(5), body: Duration::from_secs(30), write: Duration::from_secs(30) }
    }
}
