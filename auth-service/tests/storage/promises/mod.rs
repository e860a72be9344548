//! The promises, each a function that any store of the right kind must pass.

pub mod accounts;
pub mod audit;
pub mod counters;
pub mod endings;
pub mod endings_log;
pub mod factors;
pub mod key_table;
pub mod listing;
pub mod outbox;
pub mod passkeys;
pub mod proofs;
pub mod sessions;
pub mod transfer;
