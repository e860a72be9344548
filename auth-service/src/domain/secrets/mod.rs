//! The root secret, the keys derived from it, and data sealed with them.

mod derived;
mod root;

pub use self::{
    derived::DerivedKeys,
    root::{BadSecret, RootSecret},
};

use aws_lc_rs::{
    aead::{Aad, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The keys of the current root secret, and of the previous one while it is being replaced.
pub struct KeyRing {
    current: DerivedKeys,
    previous: Option<DerivedKeys>,
}

/// What was sealed cannot be opened with the current secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed with another secret than AUTH_SECRET (or AUTH_SECRET_PREVIOUS), or damaged")]
pub struct CannotOpen;

impl KeyRing {
    /// The key ring of the secrets in the settings.
    #[must_use]
    pub fn new(current: &RootSecret, previous: Option<&RootSecret>) -> Self {
        Self { current: DerivedKeys::derive(current), previous: previous.map(DerivedKeys::derive) }
    }

    /// The keys that everything new is made with.
    #[must_use]
    pub fn current(&self) -> &DerivedKeys {
        &self.current
    }

    /// The keys of the previous secret, while it is being replaced.
    #[must_use]
    pub fn previous(&self) -> Option<&DerivedKeys> {
        self.previous.as_ref()
    }

    /// The keys with this id.
    #[must_use]
    pub fn with_id(&self, id: &str) -> Option<&DerivedKeys> {
        self.all().find(|keys| keys.id == id)
    }

    /// The CSRF token of a session: the same for the session's whole life, and not a credential by itself.
    #[must_use]
    pub fn csrf_token(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.current.csrf_tag(session))
    }

    /// Whether a text is the CSRF token of a session, in constant time.
    #[must_use]
    pub fn is_csrf_token(&self, session: &str, text: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return false };
        self.all().any(|keys| hmac::verify(&keys.csrf, session.as_bytes(), &bytes).is_ok())
    }

    /// The code of what is named: 40 bits, the same each time. Stored nowhere.
    #[must_use]
    pub fn code(&self, named: &str) -> [u8; 5] {
        self.current.code(named)
    }

    /// Whether these are the bits of a code for what is named, in constant time.
    #[must_use]
    pub fn is_code(&self, named: &str, bits: &[u8; 5]) -> bool {
        self.all().any(|keys| keys.is_code(named, bits))
    }

    /// The secret by which a client shows that it began this flow. Stored nowhere.
    #[must_use]
    pub fn flow_secret(&self, flow: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.current.flow_tag(flow))
    }

    /// Whether a text is the secret of this flow, in constant time.
    #[must_use]
    pub fn is_flow_secret(&self, flow: &str, text: &str) -> bool {
        URL_SAFE_NO_PAD.decode(text).is_ok_and(|tag| self.all().any(|keys| keys.is_flow_tag(flow, &tag)))
    }

    /// Signs the text of a login whose second factor is asked for.
    #[must_use]
    pub fn pending_login_tag(&self, text: &str) -> hmac::Tag {
        self.current.pending_login_tag(text)
    }

    /// Whether [`KeyRing::pending_login_tag`] made this tag for this text, in constant time.
    #[must_use]
    pub fn is_pending_login_tag(&self, text: &str, tag: &[u8]) -> bool {
        self.all().any(|keys| keys.is_pending_login_tag(text, tag))
    }

    /// What a trusted browser keeps beside the device's id. Stored nowhere.
    #[must_use]
    pub fn device_secret(&self, device: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.current.device_tag(device))
    }

    /// Whether a text is the secret of this device, in constant time.
    #[must_use]
    pub fn is_device_secret(&self, device: &str, text: &str) -> bool {
        URL_SAFE_NO_PAD.decode(text).is_ok_and(|tag| self.all().any(|keys| keys.is_device_tag(device, &tag)))
    }

    /// The MAC by which a recovery code is recognised, from its digest.
    #[must_use]
    pub fn recovery_mac(&self, digest: &[u8; 32]) -> String {
        self.current.recovery_mac(digest)
    }

    /// The MACs by which a recovery code may have been recorded: under the current secret, and the previous one.
    #[must_use]
    pub fn recovery_macs(&self, digest: &[u8; 32]) -> Vec<String> {
        self.all().map(|keys| keys.recovery_mac(digest)).collect()
    }

    /// The MAC of a challenge for a passkey.
    #[must_use]
    pub fn challenge_tag(&self, challenge: &[u8]) -> Vec<u8> {
        self.current.challenge_tag(challenge).as_ref().to_vec()
    }

    /// Whether this is the MAC of a challenge, in constant time.
    #[must_use]
    pub fn is_challenge_tag(&self, challenge: &[u8], tag: &[u8]) -> bool {
        self.all().any(|keys| keys.is_challenge_tag(challenge, tag))
    }

    fn all(&self) -> impl Iterator<Item = &DerivedKeys> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }

    /// Signs a text of `auth-service doctor`, to prove that its writer has the root secret.
    #[must_use]
    pub fn sign_probe(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.current.doctor, text.as_bytes()))
    }

    /// Whether [`KeyRing::sign_probe`] made this `voucher` for this text, in constant time.
    #[must_use]
    pub fn is_probe_signature(&self, text: &str, voucher: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(voucher) else { return false };
        let vouches = |keys: &DerivedKeys| hmac::verify(&keys.doctor, text.as_bytes(), &tag).is_ok();
        self.all().any(vouches)
    }

    /// Seals a signing key, or what recognises a factor of a user, with AES-256-GCM. Opening needs the same `name`.
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    #[must_use]
    pub fn seal(&self, name: &str, secret: &[u8]) -> Vec<u8> {
        seal(&self.current.id, &self.current.sealing, name, secret)
    }

    /// As [`KeyRing::seal`], for the content of a mail.
    ///
    /// # Panics
    /// As [`KeyRing::seal`].
    #[must_use]
    pub fn seal_mail(&self, name: &str, content: &[u8]) -> Vec<u8> {
        seal(&self.current.id, &self.current.mails, name, content)
    }

    /// Whether it is sealed with the current secret.
    #[must_use]
    pub fn is_sealed_by_current(&self, sealed: &[u8]) -> bool {
        sealed.starts_with(self.current.id.as_bytes())
    }

    /// Opens what [`KeyRing::seal`] sealed, with the current or the previous secret.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.open_with(|keys| &keys.sealing, name, sealed)
    }

    /// Opens what [`KeyRing::seal_mail`] sealed, with the current or the previous secret.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open_mail(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.open_with(|keys| &keys.mails, name, sealed)
    }

    fn open_with(
        &self,
        key: fn(&DerivedKeys) -> &RandomizedNonceKey,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (id, rest) = sealed.split_at_checked(8).ok_or(CannotOpen)?;
        let (nonce, body) = rest.split_at_checked(12).ok_or(CannotOpen)?;
        let keys = std::str::from_utf8(id).ok().and_then(|id| self.with_id(id)).ok_or(CannotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = key(keys).open_in_place(nonce, Aad::from(name.as_bytes()), &mut body);
        let length = opened.map_err(|_| CannotOpen)?.len();
        body.truncate(length);
        Ok(body)
    }
}

fn seal(id: &str, key: &RandomizedNonceKey, name: &str, secret: &[u8]) -> Vec<u8> {
    let mut sealed = secret.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
        .expect("the operating system gives randomness");
    [id.as_bytes(), nonce.as_ref(), &sealed].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(text: &str) -> KeyRing {
        KeyRing::new(&RootSecret::parse(text).map_err(|error| error.to_string()).unwrap(), None)
    }

    #[test]
    fn sealed_data_opens_only_with_its_name_and_secret() {
        let (one, other) = (ring(&RootSecret::generate()), ring(&RootSecret::generate()));
        let sealed = one.seal("kid", b"private");
        assert_eq!(one.open("kid", &sealed).as_deref().map(Vec::as_slice), Ok(&b"private"[..]));
        assert_eq!(one.open("another kid", &sealed), Err(CannotOpen));
        assert_eq!(other.open("kid", &sealed), Err(CannotOpen));
        assert_eq!(one.open("kid", &sealed[..10]), Err(CannotOpen));
        assert_eq!(one.open_mail("kid", &sealed), Err(CannotOpen), "mails have a key of their own");
    }

    #[test]
    fn the_previous_secret_still_opens_and_verifies() {
        let (old, new) = (RootSecret::generate(), RootSecret::generate());
        let parse = |text: &str| RootSecret::parse(text).map_err(|error| error.to_string()).unwrap();
        let before = ring(&old);
        let after = KeyRing::new(&parse(&new), Some(&parse(&old)));
        assert!(after.open("kid", &before.seal("kid", b"private")).is_ok());
        assert!(after.is_csrf_token("session", &before.csrf_token("session")));
        assert!(!after.is_csrf_token("another", &before.csrf_token("session")));
    }
}
