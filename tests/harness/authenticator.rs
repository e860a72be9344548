//! An authenticator and the browser around it (WebAuthn Level 3), which also answers as no honest one would.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{SystemRandom, fill},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The user was present, and was verified.
pub const HONEST: u8 = 0x01 | 0x04;
/// The user was present.
pub const PRESENT: u8 = 0x01;
/// The credential may be copied to other devices.
pub const ELIGIBLE: u8 = 0x08;
/// The credential is copied to other devices.
pub const BACKED_UP: u8 = 0x10;

/// The algorithm of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// An authenticator with one credential. What it says can be changed.
pub struct Authenticator {
    key: Key,
    /// The credential's id.
    pub id: Vec<u8>,
    /// The user's id, as it was asked to keep it.
    pub user_handle: Option<Vec<u8>>,
    /// The flags that it sets.
    pub flags: u8,
    /// The last counter; 0: it does not count.
    pub counter: u32,
    /// The page that asks.
    pub origin: String,
    /// The domain that it was asked for.
    pub rp_id: String,
    /// Whether the page is in a frame of a page of elsewhere.
    pub is_framed: bool,
}

impl Authenticator {
    /// A new credential for a page of this origin.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn new(algorithm: Algorithm, origin: &str, rp_id: &str) -> Self {
        let key = match algorithm {
            Algorithm::Es256 => {
                Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key can be made"))
            }
            Algorithm::EdDsa => Key::EdDsa(Ed25519KeyPair::generate().expect("a key can be made")),
            Algorithm::Rs256 => Key::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made")),
        };
        let mut id = vec![0; 32];
        fill(&mut id).expect("the operating system gives randomness");
        let (origin, rp_id) = (origin.to_owned(), rp_id.to_owned());
        Self { key, id, user_handle: None, flags: HONEST, counter: 0, origin, rp_id, is_framed: false }
    }

    /// Answers a registration (`PublicKeyCredentialCreationOptionsJSON`), as `RegistrationResponseJSON`.
    ///
    /// # Panics
    /// When these are no such options.
    pub fn create(&mut self, options: &Value) -> Value {
        self.user_handle = URL_SAFE_NO_PAD.decode(text(&options["user"]["id"])).ok();
        let length = u16::try_from(self.id.len()).expect("an id is short");
        let data = [&self.data(0x40)[..], &[7; 16], &length.to_be_bytes(), &self.id, &self.cose()].concat();
        let object =
            map(&[(string("fmt"), string("none")), (string("attStmt"), map(&[])), (string("authData"), bytes(&data))]);
        json!({
            "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": encoded(&self.client_data("webauthn.create", &options["challenge"])),
                "attestationObject": encoded(&object), "transports": ["internal", "hybrid"],
            },
        })
    }

    /// Answers a login (`PublicKeyCredentialRequestOptionsJSON`), as `AuthenticationResponseJSON`.
    ///
    /// # Panics
    /// When these are no such options.
    pub fn get(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.data(0);
        let signature = self.signature(&[&data[..], digest(&SHA256, &client_data).as_ref()].concat());
        json!({
            "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&client_data), "authenticatorData": encoded(&data),
                "signature": encoded(&signature), "userHandle": self.user_handle.as_deref().map(encoded),
            },
        })
    }

    fn client_data(&self, r#type: &str, challenge: &Value) -> Vec<u8> {
        let data =
            json!({ "type": r#type, "challenge": challenge, "origin": self.origin, "crossOrigin": self.is_framed });
        data.to_string().into_bytes()
    }

    fn data(&self, further: u8) -> Vec<u8> {
        let domain = digest(&SHA256, self.rp_id.as_bytes());
        [domain.as_ref(), &[self.flags | further], &self.counter.to_be_bytes()].concat()
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&random, message).expect("it signs").as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("it signs");
                signature
            }
        }
    }

    /// The public key in COSE (RFC 9053).
    fn cose(&self) -> Vec<u8> {
        match &self.key {
            Key::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let algorithm = [(number(1), number(2)), (number(3), number(-7)), (number(-1), number(1))];
                map(&[&algorithm[..], &[(number(-2), bytes(x)), (number(-3), bytes(y))]].concat())
            }
            Key::EdDsa(key) => {
                let algorithm = [(number(1), number(1)), (number(3), number(-8)), (number(-1), number(6))];
                map(&[&algorithm[..], &[(number(-2), bytes(key.public_key().as_ref()))]].concat())
            }
            Key::Rs256(key) => {
                // In DER: a sequence of the modulus, of 257 bytes with a leading zero, and the exponent, 65537.
                let der = key.public_key().as_ref();
                let modulus = &der[9..9 + 256];
                let algorithm = [(number(1), number(3)), (number(3), number(-257))];
                map(&[&algorithm[..], &[(number(-1), bytes(modulus)), (number(-2), bytes(&[1, 0, 1]))]].concat())
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The head of a value in CBOR (RFC 8949).
fn head(major: u8, argument: usize) -> Vec<u8> {
    match u16::try_from(argument).expect("short values") {
        short @ 0..24 => vec![major << 5 | short.to_be_bytes()[1]],
        short @ 24..256 => vec![major << 5 | 24, short.to_be_bytes()[1]],
        long => [&[major << 5 | 25][..], &long.to_be_bytes()].concat(),
    }
}

fn number(value: i16) -> Vec<u8> {
    if value < 0 {
        head(1, usize::from((-1 - value).unsigned_abs()))
    } else {
        head(0, usize::from(value.unsigned_abs()))
    }
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [&head(2, value.len())[..], value].concat()
}

fn string(value: &str) -> Vec<u8> {
    [&head(3, value.len())[..], value.as_bytes()].concat()
}

fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<Vec<u8>> = entries.iter().map(|(key, value)| [&key[..], value].concat()).collect();
    [head(5, entries.len()), entries.concat()].concat()
}
