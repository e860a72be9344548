//! Someone with an RSA key who signs whatever a test wants.

use crate::written::{encoded, pem};
use aws_lc_rs::{
    digest,
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding},
};
use serde_json::{Value, json};
use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// Who issues the tokens of tests that run without auth-service.
pub const ISSUER: &str = "https://auth.test";
/// Whom all tokens are for.
pub const AUDIENCE: &str = "jeton";

/// Someone with an RSA key who can sign whatever they like.
pub struct Issuer {
    url: String,
    key_id: String,
    pair: KeyPair,
    public: Value,
    public_pem: String,
}

impl Issuer {
    /// With a new key, named by its thumbprint.
    ///
    /// # Panics
    /// Never: aws-lc makes keys of 2048 bits.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("aws-lc makes RSA keys");
        let public = jwk(&pair, "");
        let canonical = format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, public["e"], public["n"]);
        let thumbprint = encoded(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Self::with_pair(url, &thumbprint, pair)
    }

    /// [`ISSUER`] with a new key of this name and size.
    ///
    /// # Panics
    /// Never: aws-lc makes keys of every size.
    #[must_use]
    pub fn with_new_key(key_id: &str, size: KeySize) -> Self {
        Self::with_pair(ISSUER, key_id, KeyPair::generate(size).expect("aws-lc makes RSA keys"))
    }

    /// With an existing key.
    ///
    /// # Panics
    /// Never: public keys can be written.
    #[must_use]
    pub fn with_pair(url: &str, key_id: &str, pair: KeyPair) -> Self {
        let public = jwk(&pair, key_id);
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key has a form for X.509");
        let public_pem = pem("PUBLIC KEY", der.as_ref());
        Self { url: url.to_owned(), key_id: key_id.to_owned(), pair, public, public_pem }
    }

    /// [`ISSUER`] with a key that is called `first`: the same for a whole test program, because making one takes a while.
    #[must_use]
    pub fn usual() -> &'static Self {
        static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::with_new_key("first", KeySize::Rsa2048));
        &ISSUER
    }

    /// [`ISSUER`] with another key, which is called `second`.
    #[must_use]
    pub fn other() -> &'static Self {
        static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::with_new_key("second", KeySize::Rsa2048));
        &ISSUER
    }

    /// The issuer's name.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The `kid` of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn public_key(&self) -> &Value {
        &self.public
    }

    /// The public key in a set of one.
    #[must_use]
    pub fn key_set(&self) -> Value {
        json!({ "keys": [self.public] })
    }

    /// The public key as PEM (SPKI).
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// The private key as PEM, for others to sign with.
    ///
    /// # Panics
    /// Never: private keys can be written.
    #[must_use]
    pub fn private_pem(&self) -> String {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().expect("a private key has a PKCS#8 form");
        pem("PRIVATE KEY", der.as_ref())
    }

    /// A good header.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.key_id })
    }

    /// Good claims for now, of somebody who may do everything with books.
    #[must_use]
    pub fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": self.url, "sub": Uuid::new_v4().to_string(), "aud": AUDIENCE, "client_id": "jeton",
            "iat": now, "exp": now + 900, "jti": Uuid::new_v4().to_string(), "sid": Uuid::new_v4().to_string(),
            "scope": "books:read books:write", "roles": ["author"],
        })
    }

    /// Good claims, with a change.
    #[must_use]
    pub fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.token_of(&claims)
    }

    /// A token that is good now.
    #[must_use]
    pub fn token(&self) -> String {
        self.token_of(&self.claims())
    }

    /// A token with a good header and these claims.
    #[must_use]
    pub fn token_of(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }

    /// Signs any header and claims with RS256.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(header, &claims.to_string())
    }

    /// Signs any header and any text with RS256.
    #[must_use]
    pub fn sign_text(&self, header: &Value, text: &str) -> String {
        let message = format!("{}.{}", encoded(header.to_string()), encoded(text));
        format!("{message}.{}", encoded(self.signature(&RSA_PKCS1_SHA256, message.as_bytes())))
    }

    /// A signature by any scheme.
    pub(crate) fn signature(&self, scheme: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(scheme, &SystemRandom::new(), message, &mut signature).expect("a key can sign");
        signature
    }

    /// The public key in DER (SPKI).
    pub(crate) fn public_der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().expect("a public key has a form for X.509");
        der.as_ref().to_vec()
    }

    /// The modulus, big-endian.
    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.pair.public_key().modulus().big_endian_without_leading_zero().to_vec()
    }
}

fn jwk(pair: &KeyPair, key_id: &str) -> Value {
    let public = pair.public_key();
    let n = encoded(public.modulus().big_endian_without_leading_zero());
    let e = encoded(public.exponent().big_endian_without_leading_zero());
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key_id, "n": n, "e": e })
}

/// What auth-service would say of a reader at `now`, in seconds since 1970, for fifteen minutes.
#[must_use]
pub fn claims(now: i64) -> Value {
    json!({
        "iss": ISSUER,
        "sub": "ada",
        "aud": AUDIENCE,
        "client_id": "jeton",
        "iat": now,
        "exp": now + 900,
        "jti": "token-1",
        "sid": "session-1",
        "scope": "books:read",
        "roles": ["reader"],
        "epoch": 7,
    })
}

/// Seconds since 1970.
///
/// # Panics
/// When the clock shows a time before that.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the tests live outside the services, and with them their clock")]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    i64::try_from(since.as_secs()).expect("the end of time is far")
}
