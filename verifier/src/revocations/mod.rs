//! The issuer's revocation feed: what has ended before its tokens expire, known within a second and looked up offline.
//!
//! A background task reads a signed, append-only log by cursor and long poll, and a request finds in memory whether its
//! token's session, its user's sessions, or the token itself has ended. The feed only ever adds: an issuer that is down,
//! a page that is forged, cut or old, and a clock that is wrong make nothing that has ended good again.
//!
//! - [`PublishedKeys::feed`](crate::keys::PublishedKeys::feed) says how old the knowledge is. Requests are served however
//!   old it is, except where the program asks for more: with [`Fresh`](crate::guard::Fresh), or with
//!   [`Config::fresh_scopes`](crate::keys::Config::fresh_scopes).
//! - The snapshot of the keys has a companion, so that what has ended stays refused after a restart without the issuer.

mod key_change;
mod map;
mod pace;
mod page;
mod reader;
mod snapshot;
mod source;
mod state;
#[cfg(test)]
mod tests;

pub use page::PageError;
pub use source::{FeedError, Glance, glance};

pub(crate) use pace::{Pace, wait_for};
pub(crate) use reader::Reader;
pub(crate) use snapshot::Snapshot;
pub(crate) use source::Source;
pub(crate) use state::Revocations;

use std::time::Duration;

/// What is known about the feed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Feed {
    /// How old the knowledge is: whatever ended earlier than that is known. `None` until the feed has been read to its end.
    pub age: Option<Duration>,
    /// For how long the feed has been followed.
    pub followed_for: Duration,
    /// How many sessions, tokens and users are known of whom something has ended.
    pub entries: usize,
    /// How many there was no room for so far. The feed is not up to date again until it has been read without.
    pub left_out: u64,
    /// How far it was read.
    pub cursor: u64,
    /// Whether it is older than [`Config::fresh_within`](crate::keys::Config::fresh_within).
    pub is_behind: bool,
}
