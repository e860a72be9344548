//! What tests of several packages need. It uses none of them, so that no code is tested by means of itself.

pub mod corpus;
#[cfg(feature = "documents")]
pub mod documents;
mod forge;
pub mod imports;
mod issuer;
mod written;

pub use forge::{claims_of, header_of, signed_with_secret, unsigned, with_changed_claims, with_flipped_signature};
pub use issuer::{AUDIENCE, ISSUER, Issuer, claims, now};
pub use written::encoded;
