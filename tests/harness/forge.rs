//! Forged, foreign and damaged tokens.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, ThumbprintHash},
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Someone with an RSA key who can sign whatever they like.
pub struct Issuer {
    url: String,
    key_id: String,
    key: EncodingKey,
    public: Value,
    public_pem: String,
    private_pem: String,
}

impl Issuer {
    /// With a new key.
    ///
    /// # Panics
    /// Never: aws-lc makes keys of 2048 bits.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("aws-lc makes RSA keys");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a private key has a PKCS#8 form");
        let private_pem = pem("PRIVATE KEY", der.as_ref());
        let key = EncodingKey::from_rsa_pem(private_pem.as_bytes()).expect("a key just written");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key has a form for X.509");
        let public_pem = pem("PUBLIC KEY", public.as_ref());
        let jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).expect("an RSA key has a public half");
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256).expect("an RSA key has a thumbprint");
        let mut public = serde_json::to_value(&jwk).expect("a JWK is JSON");
        public["kid"] = key_id.clone().into();
        public["use"] = "sig".into();
        public["alg"] = "RS256".into();
        Self { url: url.to_owned(), key_id, key, public, public_pem, private_pem }
    }

    /// The issuer's name.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The thumbprint of the key.
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

    /// The public key as PEM.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// The private key as PEM, for others to sign with.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// A header that is as it must be.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.key_id })
    }

    /// Claims that are as they must be, of somebody who may do everything with books.
    #[must_use]
    pub fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": self.url, "sub": Uuid::new_v4().to_string(), "aud": "jeton", "client_id": "jeton",
            "iat": now, "exp": now + 900, "jti": Uuid::new_v4().to_string(), "sid": Uuid::new_v4().to_string(),
            "scope": "books:read books:write", "roles": ["author"],
        })
    }

    /// Good claims, but for a change.
    #[must_use]
    pub fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.sign(&self.header(), &claims)
    }

    /// A good token.
    #[must_use]
    pub fn token(&self) -> String {
        self.sign(&self.header(), &self.claims())
    }

    /// Signs any header and claims with RS256.
    ///
    /// # Panics
    /// Never: the key is good.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(&header.to_string(), &claims.to_string(), &self.key, Algorithm::RS256)
    }
}

/// Signs with a shared secret.
#[must_use]
pub fn signed_with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    signed(&header.to_string(), &claims.to_string(), &EncodingKey::from_secret(secret), Algorithm::HS256)
}

/// A token without a signature.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", encoded(&header.to_string()), encoded(&claims.to_string()))
}

/// Other claims under the old signature.
///
/// # Panics
/// When `token` is none.
#[must_use]
pub fn with_changed_claims(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims_of(token);
    change(&mut claims);
    let (header, rest) = token.split_once('.').expect("a token has three parts");
    let (_, signature) = rest.split_once('.').expect("a token has three parts");
    format!("{header}.{}.{signature}", encoded(&claims.to_string()))
}

/// The same token with one bit of its signature flipped.
///
/// # Panics
/// When `token` is none.
#[must_use]
pub fn with_flipped_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token has three parts");
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("a signature is base64url");
    bytes[0] ^= 1;
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What a token says, unverified.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn claims_of(token: &str) -> Value {
    part(token, 1)
}

/// A token's header, unverified.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn header_of(token: &str) -> Value {
    part(token, 0)
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

fn signed(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("the key fits the algorithm");
    format!("{message}.{signature}")
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|start| &text[start..text.len().min(start + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn encoded(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a token has three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("its parts are base64url");
    serde_json::from_slice(&bytes).expect("its parts are JSON")
}
