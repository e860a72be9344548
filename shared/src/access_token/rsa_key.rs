//! One RSA public key that may verify RS256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
};

/// Smaller keys can be factored; larger ones only cost time (what aws-lc takes).
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key that is fit to verify RS256 signatures.
pub(super) struct RsaKey {
    pub(super) n: String,
    pub(super) e: String,
    decoding: DecodingKey,
}

impl RsaKey {
    /// From the members `n` and `e` of a JWK (RFC 7518, section 6.3.1). `None` unless both are canonical, the modulus
    /// has 2048 to 8192 bits and is odd, and the exponent is odd and at least 65537 (NIST SP 800-56B, section 6.2).
    pub(super) fn from_components(n: &str, e: &str) -> Option<Self> {
        let modulus = URL_SAFE_NO_PAD.decode(n).ok()?;
        let exponent = URL_SAFE_NO_PAD.decode(e).ok()?;
        let modulus_is_fit = MODULUS_BITS.contains(&bits(&modulus)?) && is_odd(&modulus);
        let exponent_is_fit = (17..=32).contains(&bits(&exponent)?) && is_odd(&exponent);
        (modulus_is_fit && exponent_is_fit).then(|| Self {
            n: n.to_owned(),
            e: e.to_owned(),
            decoding: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
        })
    }

    /// From one PEM block labelled `PUBLIC KEY` (SPKI).
    pub(super) fn from_pem(block: &str) -> Option<Self> {
        let key = DecodingKey::from_rsa_pem(block.as_bytes()).ok()?;
        match Jwk::from_decoding_key(&key, None).ok()?.algorithm {
            AlgorithmParameters::RSA(rsa) => Self::from_components(&rsa.n, &rsa.e),
            _ => None,
        }
    }

    /// The RFC 7638 thumbprint, which is the `kid` of a key that comes without one.
    pub(super) fn thumbprint(&self) -> Option<String> {
        Jwk::from_decoding_key(&self.decoding, None).ok()?.thumbprint(ThumbprintHash::SHA256).ok()
    }

    pub(super) fn has_signed(&self, message: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.decoding, Algorithm::RS256).unwrap_or(false)
    }
}

impl PartialEq for RsaKey {
    fn eq(&self, other: &Self) -> bool {
        self.n == other.n && self.e == other.e
    }
}

/// How many bits an unsigned big-endian number has; `None` for zero, no bytes, or leading zero bytes.
fn bits(number: &[u8]) -> Option<usize> {
    let first = number.first().filter(|first| **first != 0)?;
    Some(number.len() * 8 - first.leading_zeros() as usize)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}
