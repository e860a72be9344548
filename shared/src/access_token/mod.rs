//! Access tokens: their profile (RFC 9068), the verifier, which is the only way to get a verified one, and key sets.
//! Knows no HTTP framework, no store and no private key.

mod claims;

pub use claims::{Claims, TOKEN_TYPE};
