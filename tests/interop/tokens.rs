//! The tokens to mint: good ones, and bad ones that differ from a good one in one thing each.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use harness::forge::{self, Issuer};
use serde_json::{Value, json};

/// A token to be minted.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// What is special about it.
    pub(crate) what: String,
    /// Whether it must be accepted.
    pub(crate) is_good: bool,
    /// The header, whose `alg` is the algorithm.
    pub(crate) header: Value,
    /// The claims.
    pub(crate) claims: Value,
    key: Key,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Ours,
    Theirs,
    /// Bytes that everybody has, as a shared secret.
    Public(fn(&Issuer) -> Vec<u8>),
    None,
}

impl Wish {
    /// The wish as minters read it. `evil` is another issuer.
    pub(crate) fn line(&self, issuer: &Issuer, evil: &Issuer) -> String {
        let key = match self.key {
            Key::Ours => issuer.private_pem().to_owned(),
            Key::Theirs => evil.private_pem().to_owned(),
            Key::Public(bytes) => BASE64_STANDARD.encode(bytes(issuer)),
            Key::None => String::new(),
        };
        json!({ "header": self.header, "claims": self.claims, "key": key }).to_string()
    }

    /// The token, minted here.
    pub(crate) fn minted(&self, issuer: &Issuer, evil: &Issuer) -> String {
        match self.key {
            Key::Ours => issuer.sign(&self.header, &self.claims),
            Key::Theirs => evil.sign(&self.header, &self.claims),
            Key::Public(bytes) => forge::signed_with_secret(&self.header, &self.claims, &bytes(issuer)),
            Key::None => forge::unsigned(&self.header, &self.claims),
        }
    }
}

/// Every wish. The first is an ordinary good token.
pub(crate) fn wishes(issuer: &Issuer, evil: &Issuer) -> Vec<Wish> {
    let wish = |what: &str, is_good, key| Wish {
        what: what.to_owned(),
        is_good,
        header: issuer.header(),
        claims: issuer.claims(),
        key,
    };
    let claims = |what: &str, changes: Value| {
        let mut wish = wish(what, false, Key::Ours);
        merge(&mut wish.claims, changes);
        wish
    };
    let header = |what: &str, key, changes: Value| {
        let mut wish = wish(what, false, key);
        merge(&mut wish.header, changes);
        wish
    };
    let mut wishes = vec![
        wish("a good token", true, Key::Ours),
        Wish { is_good: true, ..claims("a list of audiences", json!({ "aud": ["other", "jeton"] })) },
        Wish {
            is_good: true,
            ..claims(
                "when and how the user logged in",
                json!({ "auth_time": forge::now() - 60, "amr": ["pwd", "otp", "mfa"], "acr": "2" }),
            )
        },
        Wish {
            is_good: true,
            ..header("the long form of the type", Key::Ours, json!({ "typ": "application/at+jwt" }))
        },
        claims("another audience", json!({ "aud": "other" })),
        claims("another issuer", json!({ "iss": "https://evil.example" })),
        claims("expired", json!({ "iat": forge::now() - 1000, "exp": forge::now() - 100 })),
        claims("not valid yet", json!({ "nbf": forge::now() + 600 })),
        claims("issued in the future", json!({ "iat": forge::now() + 600, "exp": forge::now() + 1500 })),
        claims("bound to a key of its holder", json!({ "cnf": { "jkt": "x" } })),
        claims("an expiry that is a text", json!({ "exp": "never" })),
        claims("a scope that is a list", json!({ "scope": ["books:read"] })),
        claims("a session that is an object", json!({ "sid": {} })),
        claims("a subject that is a number", json!({ "sub": 1 })),
        claims("a client that is a list", json!({ "client_id": ["jeton"] })),
        claims("a token id that is a number", json!({ "jti": 1 })),
        header("another type", Key::Ours, json!({ "typ": "JWT" })),
        header("no type", Key::Ours, json!({ "typ": null })),
        header("a refresh token's type", Key::Ours, json!({ "typ": "rt+jwt" })),
        header("a logout token's type", Key::Ours, json!({ "typ": "logout+jwt" })),
        header("an unknown critical extension", Key::Ours, json!({ "crit": ["x"], "x": 1 })),
        header("an unknown key id", Key::Ours, json!({ "kid": "unknown" })),
        header("alg none", Key::None, json!({ "alg": "none" })),
        header("HS256 with the public key as PEM", Key::Public(public_pem), json!({ "alg": "HS256" })),
        header("HS256 with the public modulus", Key::Public(modulus), json!({ "alg": "HS256" })),
        wish("a foreign key under our key id", false, Key::Theirs),
        header("a foreign key, embedded", Key::Theirs, json!({ "jwk": evil.public_key() })),
        header("a foreign key, behind a URL", Key::Theirs, json!({ "jku": "http://127.0.0.1:1/jwks" })),
        header("a foreign key id", Key::Theirs, json!({ "kid": evil.key_id(), "jwk": evil.public_key() })),
        id_token(header("an ID token", Key::Ours, json!({ "typ": "JWT" }))),
    ];
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "scope"] {
        wishes.push(claims(&format!("no {claim}"), json!({ claim: null })));
    }
    wishes
}

/// As in OpenID Connect: for a client, about a login.
fn id_token(mut wish: Wish) -> Wish {
    let nothing = json!({ "client_id": null, "jti": null, "scope": null, "sid": null, "roles": null });
    merge(&mut wish.claims, nothing);
    merge(
        &mut wish.claims,
        json!({ "nonce": "x", "auth_time": forge::now(), "at_hash": "x", "email": "ada@example.org" }),
    );
    wish
}

/// Sets members, and removes those that become `null`.
fn merge(object: &mut Value, changes: Value) {
    let object = object.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        object.insert(name.clone(), value.clone());
    }
    object.retain(|_, value| !value.is_null());
}

fn public_pem(issuer: &Issuer) -> Vec<u8> {
    issuer.public_pem().as_bytes().to_vec()
}

fn modulus(issuer: &Issuer) -> Vec<u8> {
    issuer.public_key()["n"].as_str().expect("an RSA key has a modulus").as_bytes().to_vec()
}
