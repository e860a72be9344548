//! Tokens that nobody has issued, and the claims of tokens.

use crate::written::encoded;
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// Signs with a shared secret (HS256).
#[must_use]
pub fn signed_with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encoded(signature))
}

/// A token without a signature.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", encoded(header.to_string()), encoded(claims.to_string()))
}

/// Other claims under the old signature.
///
/// # Panics
/// When `token` is not a token.
#[must_use]
pub fn with_changed_claims(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims_of(token);
    change(&mut claims);
    let (header, rest) = token.split_once('.').expect("a token has three parts");
    let (_, signature) = rest.split_once('.').expect("a token has three parts");
    format!("{header}.{}.{signature}", encoded(claims.to_string()))
}

/// The same token with one bit of its signature flipped.
///
/// # Panics
/// When `token` is not a token.
#[must_use]
pub fn with_flipped_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token has three parts");
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("a signature is base64url");
    bytes[0] ^= 1;
    format!("{signed}.{}", encoded(bytes))
}

/// What a token says, unverified.
///
/// # Panics
/// When it is not a token.
#[must_use]
pub fn claims_of(token: &str) -> Value {
    part(token, 1)
}

/// A token's header, unverified.
///
/// # Panics
/// When it is not a token.
#[must_use]
pub fn header_of(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a token has three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("its parts are base64url");
    serde_json::from_slice(&bytes).expect("its parts are JSON")
}
