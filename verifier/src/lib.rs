//! Verifies Jeton's access tokens offline.

mod access_token;
pub mod clock;

pub use access_token::{
    Claims, Flaw, KeySet, KeySetError, MAX_TOKEN_BYTES, Reading, Refusal, TOKEN_TYPE, Unused, VerifiedToken, Verifier,
};
