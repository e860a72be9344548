// The example of the README needs these two.
#![cfg_attr(all(feature = "fetch", feature = "axum"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "fetch", feature = "axum")),
    doc = "Verifies Jeton's access tokens (RFC 9068) offline; see the README."
)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access_token;
pub mod clock;
pub mod guard;
#[cfg(feature = "fetch")]
pub mod keys;
mod observer;

pub use access_token::{
    Claims, Flaw, KeySet, KeySetError, MAX_TOKEN_BYTES, Reading, Refusal, TOKEN_TYPE, Unused, VerifiedToken, Verifier,
};
pub use observer::{Observer, Unobserved};
