//! Access tokens: their profile (RFC 9068), the verifier, which is the only way to get a verified one, and key sets.
//! Uses no HTTP framework, no store and no private key.

mod claims;
mod json;
mod jws;
mod key_set;
mod modulus;
#[cfg(feature = "fetch")]
mod names;
mod pem;
mod refusal;
mod rsa_key;
mod seen;
mod verified;
mod verifier;

#[cfg(feature = "fetch")]
pub(crate) use jws::Jws;
#[cfg(feature = "fetch")]
pub(crate) use names::{Digest, Names};

pub use claims::{Claims, TOKEN_TYPE};
pub use key_set::{KeySet, KeySetError, Reading, Unused};
pub use refusal::{Flaw, Refusal};
pub use verified::VerifiedToken;
pub(crate) use verifier::FUTURE_LEEWAY;
pub use verifier::{MAX_TOKEN_BYTES, Verifier};
