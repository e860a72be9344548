//! Access tokens: their profile (RFC 9068), the verifier, which is the only way to get a verified one, and key sets.
//! Knows no HTTP framework, no store and no private key.

mod claims;
mod json;
mod key_set;
mod refusal;
mod rsa_key;
mod verified;
mod verifier;

pub use claims::{Claims, TOKEN_TYPE};
pub use key_set::{KeySet, KeySetError};
pub use refusal::{Flaw, Refusal};
pub use verified::VerifiedToken;
pub use verifier::Verifier;

/// Chooses aws-lc for every signature of the process. The first thing that `main` does; a choice made before (such
/// as a provider that keeps parsed signing keys) stays, so it may be called any number of times.
pub fn install_crypto() {
    let _chosen_before = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
