//! The keys derived from a root secret.

use super::RootSecret;
use aws_lc_rs::{
    aead::{AES_256_GCM, RandomizedNonceKey},
    constant_time::verify_slices_are_equal,
    hkdf, hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The keys derived from one root secret, by HKDF-SHA256 with a label for each. This is the list of the labels.
pub struct DerivedKeys {
    pub(super) id: String,
    refresh: Zeroizing<[u8; 32]>,
    pub(super) csrf: hmac::Key,
    record: hmac::Key,
    throttle: hmac::Key,
    pub(super) doctor: hmac::Key,
    code: hmac::Key,
    flow: hmac::Key,
    pending_login: hmac::Key,
    device: hmac::Key,
    recovery: hmac::Key,
    challenge: hmac::Key,
    pub(super) sealing: RandomizedNonceKey,
    pub(super) mails: RandomizedNonceKey,
    check: String,
}

impl DerivedKeys {
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
        let sealing = |label| RandomizedNonceKey::new(&AES_256_GCM, &*key(label)).expect("the key has 32 bytes");
        Self {
            id: URL_SAFE_NO_PAD.encode(&key("secret id")[..6]),
            refresh: key("refresh token"),
            csrf: hmac::Key::new(hmac::HMAC_SHA256, &*key("csrf token")),
            record: hmac::Key::new(hmac::HMAC_SHA256, &*key("session record")),
            throttle: hmac::Key::new(hmac::HMAC_SHA256, &*key("throttle counters")),
            doctor: hmac::Key::new(hmac::HMAC_SHA256, &*key("doctor")),
            code: hmac::Key::new(hmac::HMAC_SHA256, &*key("mail code")),
            flow: hmac::Key::new(hmac::HMAC_SHA256, &*key("flow secret")),
            pending_login: hmac::Key::new(hmac::HMAC_SHA256, &*key("pending login")),
            device: hmac::Key::new(hmac::HMAC_SHA256, &*key("trusted device")),
            recovery: hmac::Key::new(hmac::HMAC_SHA256, &*key("recovery code")),
            challenge: hmac::Key::new(hmac::HMAC_SHA256, &*key("passkey challenge")),
            sealing: sealing("signing key sealing"),
            mails: sealing("mail sealing"),
            check: URL_SAFE_NO_PAD.encode(*key("secret check")),
        }
    }

    /// The id of the root secret of these keys. Public: it is in the header of refresh tokens.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The HMAC key of refresh tokens.
    #[must_use]
    pub fn refresh(&self) -> &[u8] {
        &*self.refresh
    }

    /// A check value that SQL stores, so that a replica with another secret stops. Not secret.
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

    /// Whether `mac` is a prefix of the MAC of a session's record, in constant time.
    #[must_use]
    pub fn is_record_mac(&self, record: &[u8], mac: &[u8]) -> bool {
        let tag = self.record_mac(record);
        tag.as_ref().get(..mac.len()).is_some_and(|tag| verify_slices_are_equal(tag, mac).is_ok())
    }

    /// The first 40 bits of the MAC of what a code is for.
    pub(super) fn code(&self, named: &str) -> [u8; 5] {
        let tag = hmac::sign(&self.code, named.as_bytes());
        tag.as_ref().first_chunk().copied().expect("a MAC has 32 bytes")
    }

    pub(super) fn is_code(&self, named: &str, bits: &[u8; 5]) -> bool {
        verify_slices_are_equal(&self.code(named), bits).is_ok()
    }

    pub(super) fn flow_tag(&self, flow: &str) -> hmac::Tag {
        hmac::sign(&self.flow, flow.as_bytes())
    }

    pub(super) fn is_flow_tag(&self, flow: &str, tag: &[u8]) -> bool {
        hmac::verify(&self.flow, flow.as_bytes(), tag).is_ok()
    }

    pub(super) fn pending_login_tag(&self, text: &str) -> hmac::Tag {
        hmac::sign(&self.pending_login, text.as_bytes())
    }

    pub(super) fn is_pending_login_tag(&self, text: &str, tag: &[u8]) -> bool {
        hmac::verify(&self.pending_login, text.as_bytes(), tag).is_ok()
    }

    pub(super) fn device_tag(&self, device: &str) -> hmac::Tag {
        hmac::sign(&self.device, device.as_bytes())
    }

    pub(super) fn is_device_tag(&self, device: &str, tag: &[u8]) -> bool {
        hmac::verify(&self.device, device.as_bytes(), tag).is_ok()
    }

    /// The MAC of the digest of a recovery code.
    pub(super) fn recovery_mac(&self, digest: &[u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.recovery, digest))
    }

    pub(super) fn challenge_tag(&self, challenge: &[u8]) -> hmac::Tag {
        hmac::sign(&self.challenge, challenge)
    }

    pub(super) fn is_challenge_tag(&self, challenge: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.challenge, challenge, tag).is_ok()
    }

    pub(super) fn csrf_tag(&self, session: &str) -> hmac::Tag {
        hmac::sign(&self.csrf, session.as_bytes())
    }
}
