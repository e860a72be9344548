//! The root secret, and the keys that are derived from it.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    constant_time::verify_slices_are_equal,
    hkdf, hmac,
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

const MIN_BYTES: usize = 32;
/// So many bytes differ at least among 32 random ones, but for one case in billions.
const MIN_DISTINCT_BYTES: usize = 20;
/// And so many steps from one to the next.
const MIN_DISTINCT_STEPS: usize = 18;
/// Random text of 256 bits, in any of the encodings, is far above; phrases that people remember are below.
const MIN_GUESSES_LOG10: f64 = 38.0;
/// The estimate of a piece stops at 10^19: longer texts are looked at piece by piece.
const PIECE_CHARS: usize = 16;
/// Random text needs no more of them.
const MOST_PIECES: usize = 16;

/// The root secret: 32 or more random bytes. Has no `Debug` and is wiped when dropped.
pub struct RootSecret(Zeroizing<Vec<u8>>);

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
        // Hex spells no words; to look for them takes megabytes of dictionaries, for as long as the process lives.
        let may_be_words = !is_hex(text);
        if is_pattern(&bytes) || may_be_words && guesses_log10(text) < MIN_GUESSES_LOG10 {
            return Err(BadSecret::Guessable);
        }
        Ok(Self(bytes))
    }

    /// Fresh random bytes, in hex.
    ///
    /// # Panics
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn generate() -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; MIN_BYTES]);
        aws_lc_rs::rand::fill(&mut *bytes).expect("the operating system gives randomness");
        Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Few different bytes, or few different steps from one to the next: repeated, or counted up.
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
        .take(MOST_PIECES)
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

/// The keys derived from one root secret: HKDF-SHA256, one label each. This is the list of the labels.
pub struct Keys {
    id: String,
    refresh: Zeroizing<[u8; 32]>,
    csrf: hmac::Key,
    record: hmac::Key,
    throttle: hmac::Key,
    doctor: hmac::Key,
    sealing: RandomizedNonceKey,
    check: String,
}

impl Keys {
    /// Derives all keys.
    ///
    /// # Panics
    /// Never: the lengths are fixed.
    #[must_use]
    pub fn derive(root: &RootSecret) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"jeton").extract(&root.0);
        let key = |label: &str| {
            let mut out = Zeroizing::new([0; 32]);
            let info = [label.as_bytes()];
            prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *out)).expect("32 bytes can be derived");
            out
        };
        Self {
            id: URL_SAFE_NO_PAD.encode(&key("secret id")[..6]),
            refresh: key("refresh token"),
            csrf: hmac::Key::new(hmac::HMAC_SHA256, &*key("csrf token")),
            record: hmac::Key::new(hmac::HMAC_SHA256, &*key("session record")),
            throttle: hmac::Key::new(hmac::HMAC_SHA256, &*key("throttle counters")),
            doctor: hmac::Key::new(hmac::HMAC_SHA256, &*key("doctor")),
            sealing: RandomizedNonceKey::new(&AES_256_GCM, &*key("signing key sealing")).expect("the key has 32 bytes"),
            check: URL_SAFE_NO_PAD.encode(*key("secret check")),
        }
    }

    /// Which root secret these keys are of. Public: it stands in the header of refresh tokens.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The HMAC key of refresh tokens.
    #[must_use]
    pub fn refresh(&self) -> &[u8] {
        &*self.refresh
    }

    /// What SQL stores so that a replica with another secret is stopped. Not secret.
    #[must_use]
    pub fn check(&self) -> &str {
        &self.check
    }

    /// The keyed hash that names throttling counters.
    #[must_use]
    pub fn throttle_name(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.throttle, text.as_bytes()).as_ref()[..16])
    }

    /// The MAC of a session's record.
    #[must_use]
    pub fn record_mac(&self, record: &[u8]) -> hmac::Tag {
        hmac::sign(&self.record, record)
    }

    /// Whether `mac` is the beginning of the MAC of a session's record, in constant time.
    #[must_use]
    pub fn is_record_mac(&self, record: &[u8], mac: &[u8]) -> bool {
        let tag = self.record_mac(record);
        tag.as_ref().get(..mac.len()).is_some_and(|tag| verify_slices_are_equal(tag, mac).is_ok())
    }

    fn csrf_tag(&self, session: &str) -> hmac::Tag {
        hmac::sign(&self.csrf, session.as_bytes())
    }
}

/// The present root secret's keys, and the previous one's while it is being rotated.
pub struct KeyRing {
    current: Keys,
    previous: Option<Keys>,
}

/// What was sealed cannot be opened with the current secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed with another secret than AUTH_SECRET (or AUTH_SECRET_PREVIOUS), or damaged")]
pub struct CannotOpen;

impl KeyRing {
    /// From the secrets in the settings.
    #[must_use]
    pub fn new(current: &RootSecret, previous: Option<&RootSecret>) -> Self {
        Self { current: Keys::derive(current), previous: previous.map(Keys::derive) }
    }

    /// The keys with which everything new is made.
    #[must_use]
    pub fn current(&self) -> &Keys {
        &self.current
    }

    /// The keys of the secret before, while it is being rotated.
    #[must_use]
    pub fn previous(&self) -> Option<&Keys> {
        self.previous.as_ref()
    }

    /// The keys with this id.
    #[must_use]
    pub fn with_id(&self, id: &str) -> Option<&Keys> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().find(|keys| keys.id == id)
    }

    /// The CSRF token of a session: the same for the session's whole life, no credential by itself.
    #[must_use]
    pub fn csrf_token(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.current.csrf_tag(session))
    }

    /// Whether a text is the CSRF token of a session, in constant time.
    #[must_use]
    pub fn is_csrf_token(&self, session: &str, text: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return false };
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .any(|keys| hmac::verify(&keys.csrf, session.as_bytes(), &bytes).is_ok())
    }

    /// Vouches for a text of `auth-service doctor`'s: who has the root secret has written it.
    #[must_use]
    pub fn vouch(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.current.doctor, text.as_bytes()))
    }

    /// Whether [`KeyRing::vouch`] said so, in constant time.
    #[must_use]
    pub fn is_vouched_for(&self, text: &str, voucher: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(voucher) else { return false };
        let vouches = |keys: &Keys| hmac::verify(&keys.doctor, text.as_bytes(), &tag).is_ok();
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().any(vouches)
    }

    /// Seals with AES-256-GCM; `name` must be given again to open.
    ///
    /// # Panics
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn seal(&self, name: &str, secret: &[u8]) -> Vec<u8> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .current
            .sealing
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .expect("the operating system gives randomness");
        [self.current.id.as_bytes(), nonce.as_ref(), &sealed].concat()
    }

    /// Whether the present secret sealed it.
    #[must_use]
    pub fn is_sealed_by_current(&self, sealed: &[u8]) -> bool {
        sealed.starts_with(self.current.id.as_bytes())
    }

    /// Opens what [`KeyRing::seal`] sealed, with whichever secret did.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (id, rest) = sealed.split_at_checked(8).ok_or(CannotOpen)?;
        let (nonce, body) = rest.split_at_checked(12).ok_or(CannotOpen)?;
        let keys = std::str::from_utf8(id).ok().and_then(|id| self.with_id(id)).ok_or(CannotOpen)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length =
            keys.sealing.open_in_place(nonce, Aad::from(name.as_bytes()), &mut body).map_err(|_| CannotOpen)?.len();
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(text: &str) -> KeyRing {
        KeyRing::new(&RootSecret::parse(text).map_err(|error| error.to_string()).unwrap(), None)
    }

    #[test]
    fn what_we_generate_is_accepted() {
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

    #[test]
    fn what_is_sealed_opens_under_its_name_and_secret_only() {
        let (one, other) = (ring(&RootSecret::generate()), ring(&RootSecret::generate()));
        let sealed = one.seal("kid", b"private");
        assert_eq!(one.open("kid", &sealed).as_deref().map(Vec::as_slice), Ok(&b"private"[..]));
        assert_eq!(one.open("another kid", &sealed), Err(CannotOpen));
        assert_eq!(other.open("kid", &sealed), Err(CannotOpen));
        assert_eq!(one.open("kid", &sealed[..10]), Err(CannotOpen));
    }

    #[test]
    fn the_previous_secret_still_opens_and_vouches() {
        let (old, new) = (RootSecret::generate(), RootSecret::generate());
        let parse = |text: &str| RootSecret::parse(text).map_err(|error| error.to_string()).unwrap();
        let before = ring(&old);
        let after = KeyRing::new(&parse(&new), Some(&parse(&old)));
        assert!(after.open("kid", &before.seal("kid", b"private")).is_ok());
        assert!(after.is_csrf_token("session", &before.csrf_token("session")));
        assert!(!after.is_csrf_token("another", &before.csrf_token("session")));
    }
}
