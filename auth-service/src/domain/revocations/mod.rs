//! The revocation feed (docs/revocations.md): what has ended, signed, in the order in which it did, for verifiers that work
//! offline. The database writes the log itself, in the transaction that ends something; this room numbers it, signs pages of
//! it, and lets verifiers wait for the next one.

mod digest;
mod feed;
mod held;
mod log;
mod page;
mod steady;
mod waiting;

pub use self::{
    feed::{Answer, Feed, LONGEST_WAIT},
    log::{Ending, EndingsLog, Look, Numbered},
    waiting::Room,
};
