//! Compact JWS (RFC 7515, section 7.1) signed with RS256: what access tokens and the pages of the revocation feed have in
//! common. The type in the header keeps the one from passing as the other (RFC 8725, section 3.11).

use super::{Flaw, json::Object, key_set::is_kid};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// A compact JWS whose header is in order. Nobody has verified its signature.
pub(crate) struct Jws<'a> {
    /// Header and payload: what is signed.
    pub(super) message: &'a str,
    payload: &'a str,
    pub(super) signature: &'a str,
    /// The name of the key.
    pub(super) kid: String,
}

impl<'a> Jws<'a> {
    /// Takes one apart whose `typ` is this.
    pub(crate) fn of(text: &'a str, typ: &str) -> Result<Self, Flaw> {
        let (message, signature) = text.rsplit_once('.').ok_or(Flaw::Shape)?;
        let (header, payload) = message.split_once('.').ok_or(Flaw::Shape)?;
        if ![header, payload, signature].into_iter().all(is_base64url) {
            return Err(Flaw::Shape);
        }
        Ok(Self { message, payload, signature, kid: kid(header, typ)? })
    }

    /// What it says.
    pub(crate) fn payload(&self) -> Result<Vec<u8>, Flaw> {
        decode(self.payload)
    }

    /// Whether the key of its name has signed it; `None` if no key has that name.
    #[cfg(feature = "fetch")]
    pub(crate) fn is_signed(&self, keys: &super::KeySet) -> Option<bool> {
        Some(keys.get(&self.kid)?.has_signed(self.message, self.signature))
    }
}

/// Does not stop at the first bad character, so that the processor can check many at once.
fn is_base64url(part: &str) -> bool {
    let is_clean = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b'_');
    !part.is_empty() & part.bytes().fold(true, |all, byte| all & is_clean(byte))
}

/// Decodes base64url without padding; trailing bits must be zero, so that there is one spelling only.
fn decode(part: &str) -> Result<Vec<u8>, Flaw> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::Shape)
}

/// Reads the header and returns the key's name. Keys that a header brings along (`jwk`, `jku`, `x5c`, `x5u`) are
/// never used (RFC 8725, section 3.10).
fn kid(part: &str, typ: &str) -> Result<String, Flaw> {
    let json = decode(part)?;
    let mut header = Object::parse(&json).ok_or(Flaw::Header)?;
    if ["crit", "b64", "enc", "zip"].into_iter().any(|extension| header.has(extension)) {
        return Err(Flaw::Extension);
    }
    if header.text("alg") != Some("RS256") {
        return Err(Flaw::Algorithm);
    }
    if !header.text("typ").is_some_and(|found| is_type(found, typ)) {
        return Err(Flaw::Type);
    }
    match header.take("kid") {
        Some(Value::String(kid)) if is_kid(&kid) => Ok(kid),
        _ => Err(Flaw::KeyId),
    }
}

/// Whether it is this type, also as a whole media type (RFC 9068, section 4; case-insensitive as RFC 7515, section 4.1.9).
fn is_type(found: &str, typ: &str) -> bool {
    const MEDIA_TYPE: &str = "application/";
    let prefixed = found.get(..MEDIA_TYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MEDIA_TYPE));
    let subtype = if prefixed { &found[MEDIA_TYPE.len()..] } else { found };
    subtype.eq_ignore_ascii_case(typ)
}
