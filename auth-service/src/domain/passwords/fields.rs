//! The fields of stored hashes.

use super::unusable::Unusable;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// Some programs write padding, others do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes in base64.
#[must_use]
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Bytes in base64 of either alphabet: Firebase writes the one in some places, and the other in others.
#[must_use]
pub fn decoded_of_either_alphabet(text: &str) -> Option<Vec<u8>> {
    let standard = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    BASE64.decode(Zeroizing::new(text.bytes().map(standard).collect::<Vec<u8>>())).ok()
}

/// A number without sign.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// The values of parameters that are written as `name=value,…`, in any order.
///
/// # Errors
/// [`Unusable::Parameters`]: one has another name, or comes twice.
pub fn once<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Result<[Option<&'a str>; N], Unusable> {
    let mut values = [None; N];
    for parameter in text.split(',') {
        let (name, value) = parameter.split_once('=').ok_or(Unusable::Parameters)?;
        let place = names.iter().position(|known| *known == name).ok_or(Unusable::Parameters)?;
        if values[place].replace(value).is_some() {
            return Err(Unusable::Parameters);
        }
    }
    Ok(values)
}
