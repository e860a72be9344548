//! One RSA public key that may verify RS256.

use super::modulus::{self, Effort};
use aws_lc_rs::{
    digest,
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// Smaller keys can be factored; larger ones only cost time, and aws-lc does not accept them.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// 65537 and above, as far as aws-lc accepts them. NIST SP 800-89 allows 17 to 256.
const EXPONENT_BITS: std::ops::RangeInclusive<usize> = 17..=32;

/// A public key that is fit to verify RS256 signatures.
pub(super) struct RsaKey {
    pub(super) n: String,
    pub(super) e: String,
    /// Parsed once, not for each signature: that would be a sixth of the whole work.
    parsed: ParsedPublicKey,
}

impl RsaKey {
    /// From the members `n` and `e` of a JWK (RFC 7518, section 6.3.1).
    ///
    /// # Errors
    /// Why it is not fit, unless both are canonical, the modulus has 2048 to 8192 bits and no known weakness, and the
    /// exponent is odd and at least 65537 (NIST SP 800-56B, section 6.2, and SP 800-89, section 5.3.3).
    pub(super) fn from_components(n: &str, e: &str, effort: &mut Effort) -> Result<Self, &'static str> {
        let decoded = |number| URL_SAFE_NO_PAD.decode(number).map_err(|_| "its n or e is not base64url");
        let (modulus, exponent) = (decoded(n)?, decoded(e)?);
        if !bits(&modulus).is_some_and(|bits| MODULUS_BITS.contains(&bits)) {
            return Err("its modulus does not have 2048 to 8192 bits");
        }
        if !bits(&exponent).is_some_and(|bits| EXPONENT_BITS.contains(&bits)) || !is_odd(&exponent) {
            return Err("its exponent is not an odd number from 65537 to 32 bits");
        }
        if !is_odd(&modulus) {
            return Err("its modulus is even");
        }
        modulus::check(&modulus, effort)?;
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let parsed = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        let parsed = parsed.map_err(|_| "the cryptographic library does not accept it")?;
        Ok(Self { n: n.to_owned(), e: e.to_owned(), parsed })
    }

    /// From the text between the lines of a PEM block labelled `PUBLIC KEY`: SPKI in DER, and nothing else.
    ///
    /// # Errors
    /// As [`RsaKey::from_components`], and if it is not such a block.
    pub(super) fn from_pem(body: &str, effort: &mut Effort) -> Result<Self, &'static str> {
        let der = decoded_lines(body).ok_or("it is not base64")?;
        let [n, e] = numbers(&der).ok_or("it is not an RSA public key")?.map(|number| URL_SAFE_NO_PAD.encode(number));
        let key = Self::from_components(&n, &e, effort)?;
        if der != key.spki().ok_or("it is not an RSA public key")? {
            return Err("it contains more than the key, or is not DER");
        }
        Ok(key)
    }

    /// The RFC 7638 thumbprint, which is the `kid` of a key that comes without one.
    pub(super) fn thumbprint(&self) -> String {
        let Self { n, e, .. } = self;
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// The modulus, big-endian.
    pub(super) fn modulus(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.n).unwrap_or_default()
    }

    pub(super) fn has_signed(&self, message: &str, signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature);
        signature.is_ok_and(|signature| self.parsed.verify_sig(message.as_bytes(), &signature).is_ok())
    }

    /// Its only encoding as SPKI in DER (RFC 8017, appendix A.1; RFC 3279, section 2.3.1).
    fn spki(&self) -> Option<Vec<u8>> {
        const RSA_ENCRYPTION: [u8; 15] =
            [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];
        let numbers = [integer(&self.modulus()), integer(&URL_SAFE_NO_PAD.decode(&self.e).ok()?)].concat();
        let bit_string = [&[0], element(0x30, &numbers).as_slice()].concat();
        Some(element(0x30, &[&RSA_ENCRYPTION, element(0x03, &bit_string).as_slice()].concat()))
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

/// Base64 with line breaks anywhere, and spaces where editors leave them.
fn decoded_lines(body: &str) -> Option<Vec<u8>> {
    let text: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// Modulus and exponent of an SPKI. Whether their encoding is right is checked by encoding them again.
fn numbers(spki: &[u8]) -> Option<[&[u8]; 2]> {
    let (spki, _) = content(0x30, spki)?;
    let (_algorithm, rest) = content(0x30, spki)?;
    let (bit_string, _) = content(0x03, rest)?;
    let (key, _) = content(0x30, bit_string.strip_prefix(&[0])?)?;
    let (n, rest) = content(0x02, key)?;
    let (e, _) = content(0x02, rest)?;
    Some([n, e].map(|number| number.strip_prefix(&[0]).unwrap_or(number)))
}

/// The content of the first DER element, if it has this tag, and what follows it.
fn content(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = der.split_first().filter(|(found, _)| **found == tag)?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (std::slice::from_ref(first), rest),
        // In a key of RSA's size, longer elements have 256 to 65535 bytes.
        0x82 => rest.split_at_checked(2)?,
        _ => return None,
    };
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// A positive INTEGER in DER.
fn integer(number: &[u8]) -> Vec<u8> {
    let needs_sign = number.first().is_some_and(|first| first & 0x80 != 0);
    element(0x02, &[if needs_sign { &[0][..] } else { &[] }, number].concat())
}

/// An element in DER: a tag, a length and the content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let head = match length {
        [short @ 0..0x80] => vec![tag, *short],
        long => [&[tag, 0x80 | long.len() as u8], long].concat(),
    };
    [&head, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_highest_one() {
        let counted = [&[1][..], &[0x80], &[1, 0], &[0x7F, 0xFF], &[0x80, 0, 0]].map(bits);
        assert_eq!(counted, [Some(1), Some(8), Some(9), Some(15), Some(24)]);
        assert_eq!([&[][..], &[0], &[0, 1]].map(bits), [None; 3]);
    }
}
