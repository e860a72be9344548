//! The store of the log: what it keeps, and what it promises.

use crate::domain::{Unavailable, accounts::Epoch};
use async_trait::async_trait;
use shared::clock::Timestamp;

/// What has ended, by the names as they are in access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// One session (`sid`).
    Session(Vec<u8>),
    /// One access token (`jti`).
    Token(Vec<u8>),
    /// A user's (`sub`) sessions that began in an earlier epoch.
    User {
        /// The user.
        sub: Vec<u8>,
        /// The first epoch that goes on.
        epoch: Epoch,
        /// The one session of an earlier epoch that goes on as well.
        spared: Option<Vec<u8>>,
    },
    /// Tokens that carry rights of a user (`sub`) as they were before this revision.
    Rights {
        /// The user.
        sub: Vec<u8>,
        /// The first revision that is up to date.
        revision: i64,
    },
    /// Everybody's sessions that began in an earlier epoch.
    All(Epoch),
}

/// An ending with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Its number: at least the milliseconds since 1970 when it was numbered, and greater than any number before.
    pub number: i64,
    /// When the last token that it names has expired, by the database's clock.
    pub until: Timestamp,
    /// What has ended; `None`: a later version has written what this one does not know.
    pub ending: Option<Ending>,
}

/// What a look at the log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The database's time.
    pub now: Timestamp,
    /// The greatest number that was given, also if what had it is forgotten; `None`: there was none.
    pub newest: Option<i64>,
    /// Whether there are endings without a number.
    pub has_unnumbered: bool,
}

/// Keeps the log. Each ending is added by the transaction that ends something, and is numbered afterwards, in a transaction
/// of its own, one at a time across all processes: so whoever has read up to a number has missed nothing before it.
#[async_trait]
pub trait EndingsLog: Send + Sync {
    /// What there is.
    async fn look(&self) -> Result<Look, Unavailable>;

    /// Numbers a bounded batch of endings; returns whether there may be more.
    async fn number(&self) -> Result<bool, Unavailable>;

    /// A bounded batch of endings after a number, in order; and whether there may be more.
    async fn after(&self, number: i64) -> Result<(Vec<Numbered>, bool), Unavailable>;

    /// Deletes a bounded batch of endings whose tokens have all expired at `now`; returns how many.
    async fn forget(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
