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
#[cfg(feature = "fetch")]
pub mod revocations;

pub use access_token::{
    Claims, Flaw, KeySet, KeySetError, MAX_TOKEN_BYTES, Reading, Refusal, TOKEN_TYPE, Unused, VerifiedToken, Verifier,
};
pub use observer::{Observer, Unobserved};

#[cfg(test)]
mod tests {
    use super::*;

    const fn is_shareable<T: Send + Sync + 'static>() {}

    #[test]
    fn what_programs_hold_may_be_shared_by_threads() {
        is_shareable::<Verifier>();
        is_shareable::<KeySet>();
        is_shareable::<VerifiedToken>();
        is_shareable::<guard::AccessToken>();
        is_shareable::<guard::Rejection>();
        #[cfg(feature = "fetch")]
        {
            is_shareable::<keys::Config>();
            is_shareable::<keys::PublishedKeys>();
            is_shareable::<keys::StartError>();
            is_shareable::<keys::FetchError>();
            is_shareable::<revocations::FeedError>();
        }
    }
}
