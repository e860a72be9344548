//! An issuer for tests: keys made at run time, and tokens with whatever header and claims a test wants. Also used by
//! resource-service's tests.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Who issues the tokens.
pub(crate) const ISSUER: &str = "https://auth.test";
/// For whom they are.
pub(crate) const AUDIENCE: &str = "jeton";
/// The `kid` of the usual key.
pub(crate) const KID: &str = "first";

/// A signing key.
pub(crate) struct Issuer {
    /// The key itself.
    pub(crate) pair: KeyPair,
    /// Its name.
    pub(crate) kid: &'static str,
}

impl Issuer {
    /// A new key.
    pub(crate) fn with_new_key(kid: &'static str, size: KeySize) -> Self {
        Self { pair: KeyPair::generate(size).expect("a key can be made"), kid }
    }

    /// The usual key: the same for a whole test program, because making one takes a while.
    pub(crate) fn usual() -> &'static Self {
        static ISSUER: OnceLock<Issuer> = OnceLock::new();
        ISSUER.get_or_init(|| Self::with_new_key(KID, KeySize::Rsa2048))
    }

    /// Another key with another name.
    pub(crate) fn other() -> &'static Self {
        static ISSUER: OnceLock<Issuer> = OnceLock::new();
        ISSUER.get_or_init(|| Self::with_new_key("second", KeySize::Rsa2048))
    }

    /// The public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let n = encode(public.modulus().big_endian_without_leading_zero());
        let e = encode(public.exponent().big_endian_without_leading_zero());
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e })
    }

    /// The JWK set with just this key.
    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    /// The public key as PEM (SPKI).
    pub(crate) fn pem(&self) -> String {
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(self.pair.public_key()).expect("a key can be encoded");
        let base64 = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// The usual header.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.kid })
    }

    /// Signs a header and claims as they are written, be they JSON or not.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        format!("{message}.{}", encode(self.signature(&message)))
    }

    /// An RS256 signature.
    pub(crate) fn signature(&self, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("a key can sign");
        signature
    }

    /// An access token with the usual header.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }
}

/// What auth-service would say of a reader at `now`, in seconds since 1970, for fifteen minutes.
pub(crate) fn claims(now: i64) -> Value {
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

/// Base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
