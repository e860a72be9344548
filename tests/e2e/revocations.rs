//! The feed of what has ended, for verifiers that work offline: it refuses what auth-service itself refuses.

mod endings;
mod feed;
