//! The domain of auth-service, without HTTP, SQL or Redis: accounts, sessions, keys, and the flows between them.

pub mod accounts;
pub mod admin;
pub mod audit;
mod base32;
mod client;
pub mod confirmation;
mod email_address;
pub mod factors;
pub mod keys;
mod language;
pub mod mail;
pub mod my_account;
pub mod operator;
mod paging;
pub mod passkeys;
pub mod passwords;
pub mod proofs;
pub mod revocations;
pub mod secrets;
pub mod sessions;
pub mod sign_in;
pub mod throttling;

pub use client::{Client, KnownDevice};
pub use language::Language;

/// A store did not answer, or not in time. It never means "not found" or "wrong".
#[derive(Debug, Clone, thiserror::Error)]
#[error("{store} is unavailable: {cause}")]
pub struct Unavailable {
    /// The name of the store.
    pub store: &'static str,
    /// What happened, for the log; never a secret or anything that a client sent.
    pub cause: String,
}
