//! Codes that change every 30 seconds, from an authenticator app (RFC 6238): SHA-1 and six digits, since that is what all
//! apps have.

use shared::clock::Timestamp;
use std::fmt::Write as _;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

/// How long a code is shown, in seconds.
const STEP: u64 = 30;
/// By how many steps the clock of the app may be wrong, in either direction (RFC 6238, section 5.2).
const TOLERANCE: u64 = 1;
/// RFC 4648's base32, in which apps expect the secret.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that an app and this service share. Has no `Debug`, and is wiped when dropped.
pub struct TotpSecret(Zeroizing<[u8; 20]>);

impl TotpSecret {
    /// A new one: 160 bits (RFC 4226, section 4).
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    #[must_use]
    pub fn fresh() -> Self {
        let mut bytes = Zeroizing::new([0; 20]);
        aws_lc_rs::rand::fill(&mut *bytes).expect("the operating system gives randomness");
        Self(bytes)
    }

    /// The secret with these bytes; `None`: it has another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// The secret as apps take it: 32 characters of base32.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(32));
        for group in self.0.chunks(5) {
            let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            text.extend((0..8).rev().map(|place| char::from(ALPHABET[(bits >> (5 * place) & 31) as usize])));
        }
        text
    }

    /// What an app reads from a QR code: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (escaped(issuer), escaped(account));
        let mut uri = Zeroizing::new(String::with_capacity(256));
        write!(uri, "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.expose().as_str())
            .and_then(|()| write!(uri, "&algorithm=SHA1&digits=6&period={STEP}"))
            .expect("a text takes every character");
        uri
    }

    /// The step after `last` whose code this is, if it is the current one or one beside it. Codes are compared in constant
    /// time, and all of them.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp, last: i64) -> Option<i64> {
        let totp = self.totp();
        let code: Zeroizing<String> = Zeroizing::new(code.chars().filter(|letter| *letter != ' ').take(7).collect());
        let current = u64::try_from(now.secs()).unwrap_or(0) / STEP;
        let steps = current.saturating_sub(TOLERANCE)..=current + TOLERANCE;
        let matching: Vec<u64> = steps.filter(|step| totp.check(&code, step * STEP).is_some()).collect();
        matching.into_iter().filter_map(|step| i64::try_from(step).ok()).find(|step| *step > last)
    }

    fn totp(&self) -> Totp {
        Builder::new().with_step_duration(STEP).with_skew(0).with_secret(*self.0).build_noncompliant()
    }
}

/// For a URI: everything but letters and digits is percent-encoded.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    fn of_the_rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    /// The step of a time in seconds.
    fn step(secs: i64) -> i64 {
        secs / 30
    }

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        // Six digits are the last six of eight.
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let found = of_the_rfc().step_of(code, Timestamp::from_secs(secs), 0);
            assert_eq!(found, Some(step(secs)), "{secs}");
        }
    }

    #[test]
    fn a_code_is_good_from_one_step_before_its_own_until_one_step_after() {
        let (secret, own) = (of_the_rfc(), 1_111_111_110);
        assert_eq!(step(own) * 30, own, "the first second of a step");
        for (secs, is_good) in [(-31, false), (-30, true), (-1, true), (0, true), (29, true), (59, true), (60, false)] {
            let found = secret.step_of("050471", Timestamp::from_secs(own + secs), 0);
            assert_eq!(found, is_good.then_some(step(own)), "{secs} s after its step began");
        }
    }

    #[test]
    fn a_step_is_accepted_only_after_the_last_one_wherever_the_clock_is() {
        let (secret, own) = (of_the_rfc(), 1_111_111_110);
        for secs in [-30, 0, 59] {
            let now = Timestamp::from_secs(own + secs);
            assert_eq!(secret.step_of("050471", now, step(own) - 1), Some(step(own)));
            assert_eq!(secret.step_of("050471", now, step(own)), None, "used");
            assert_eq!(secret.step_of("050471", now, step(own) + 1000), None, "the clock was set back");
        }
    }

    #[test]
    fn a_code_is_read_with_spaces_and_nothing_else_is_one() {
        let (secret, now) = (of_the_rfc(), Timestamp::from_secs(1_111_111_111));
        for code in ["050471", "050 471", " 050471 "] {
            assert!(secret.step_of(code, now, 0).is_some(), "{code}");
        }
        let long = "0".repeat(100_000);
        for code in ["", "50471", "+50471", "0504710", "0050471", "050471\n", "o50471", "٠٥٠٤٧١", "14050471", &long]
        {
            assert!(secret.step_of(code, now, 0).is_none(), "{}", code.chars().take(20).collect::<String>());
        }
        assert!(secret.step_of("050471", Timestamp::from_secs(-5), 0).is_none(), "before 1970");
    }

    #[test]
    fn a_code_of_a_secret_that_differs_in_one_bit_is_wrong() {
        let now = Timestamp::from_secs(1_111_111_111);
        for bit in 0..160 {
            let mut bytes = *b"12345678901234567890";
            bytes[bit / 8] ^= 1 << (bit % 8);
            let other = TotpSecret::from_bytes(&bytes).unwrap();
            assert!(other.step_of("050471", now, 0).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn an_app_gets_the_secret_in_base32_and_names_that_say_whose_it_is() {
        let secret = of_the_rfc();
        assert_eq!(secret.expose().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let expected = "otpauth://totp/auth%2Eexample%2Ecom:ada%2Bone%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                        &issuer=auth%2Eexample%2Ecom&algorithm=SHA1&digits=6&period=30";
        assert_eq!(secret.uri("auth.example.com", "ada+one@example.com").as_str(), expected);
    }

    #[test]
    fn no_two_secrets_are_alike() {
        let secrets: std::collections::BTreeSet<String> =
            (0..100).map(|_| TotpSecret::fresh().expose().to_string()).collect();
        assert_eq!(secrets.len(), 100);
    }
}
