//! The root secret: 32 or more random bytes, and nothing that can be guessed.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

const MIN_BYTES: usize = 32;
/// 32 random bytes have at least this many distinct values, except for one case in billions.
const MIN_DISTINCT_BYTES: usize = 20;
/// And at least this many distinct steps from one byte to the next.
const MIN_DISTINCT_STEPS: usize = 18;
/// 256 random bits are far above this in any of the encodings; phrases that people remember are below.
const MIN_GUESSES_LOG10: f64 = 38.0;
/// The estimate for one text stops at 10^19, so longer texts are estimated piece by piece.
const PIECE_CHARS: usize = 16;
/// Random text reaches the minimum with fewer pieces.
const MAX_PIECES: usize = 16;

/// The root secret: 32 or more random bytes. Has no `Debug` and is wiped when dropped.
pub struct RootSecret(pub(super) Zeroizing<Vec<u8>>);

/// Why a text cannot be the root secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Neither hex nor base64, or too short.
    #[error("must be 32 or more random bytes in hex or base64: `auth-service secret` prints one")]
    Malformed,
    /// Words, a pattern, a repetition.
    #[error(
        "looks like a passphrase, not like random bytes, and could be guessed: `auth-service secret` prints a good one"
    )]
    Guessable,
}

impl RootSecret {
    /// Reads hex or base64 (either alphabet, padded or not).
    ///
    /// # Errors
    /// [`BadSecret`].
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let text = text.trim();
        let bytes = Zeroizing::new(decode(text).ok_or(BadSecret::Malformed)?);
        if bytes.len() < MIN_BYTES {
            return Err(BadSecret::Malformed);
        }
        // Hex does not spell words, and looking for them loads megabytes of dictionaries for the rest of the process's
        // life.
        let may_be_words = !is_hex(text);
        if is_pattern(&bytes) || may_be_words && guesses_log10(text) < MIN_GUESSES_LOG10 {
            return Err(BadSecret::Guessable);
        }
        Ok(Self(bytes))
    }

    /// Fresh random bytes, in hex.
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    #[must_use]
    pub fn generate() -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; MIN_BYTES]);
        aws_lc_rs::rand::fill(&mut *bytes).expect("the operating system gives randomness");
        Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Few distinct bytes, or few distinct steps from one to the next: the text repeats or counts up.
fn is_pattern(bytes: &[u8]) -> bool {
    let steps = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    distinct(bytes.iter().copied()) < MIN_DISTINCT_BYTES || distinct(steps) < MIN_DISTINCT_STEPS
}

fn distinct(bytes: impl Iterator<Item = u8>) -> usize {
    bytes.collect::<BTreeSet<_>>().len()
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn guesses_log10(text: &str) -> f64 {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(PIECE_CHARS)
        .take(MAX_PIECES)
        .map(|piece| zxcvbn::zxcvbn(&piece.iter().collect::<String>(), &[]).guesses_log10())
        .sum()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if is_hex(text) {
        return (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect();
    }
    let unpadded = text.trim_end_matches('=');
    URL_SAFE_NO_PAD
        .decode(unpadded)
        .or_else(|_| STANDARD.decode(text))
        .ok()
        .or_else(|| base64::engine::general_purpose::STANDARD_NO_PAD.decode(unpadded).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_are_accepted() {
        for _ in 0..50 {
            let secret = RootSecret::generate();
            assert!(RootSecret::parse(&secret).is_ok(), "{}", *secret);
        }
    }

    #[test]
    fn random_bytes_in_base64_are_accepted() {
        for _ in 0..50 {
            let mut bytes = [0; 32];
            aws_lc_rs::rand::fill(&mut bytes).unwrap();
            for text in [STANDARD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)] {
                assert!(RootSecret::parse(&text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn passphrases_repetitions_and_short_secrets_are_refused() {
        for text in [
            "",
            "changeme",
            "correct horse battery staple",
            "correcthorsebatterystaplecorrecthorsebatterystaple",
            "CorrectHorseBatteryStaple1CorrectHorseBattery",
            "thisisaverylongpassphrasethatnobodywilleverguess",
            "MyCompanysSuperSecretProductionKey2026ForJeton",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "deadbeef",
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0",
        ] {
            assert!(RootSecret::parse(text).is_err(), "{text}");
        }
    }
}
