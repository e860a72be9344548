//! A table of access tokens and what must become of them: `access_tokens.jsonl`. To add one, add a line.
//!
//! Each line is a JSON object; blank lines, and lines that begin with `#`, say nothing. A token is a good one but for:
//!
//! - `name`: what is wrong with it, for people.
//! - `header`, `claims`: members that differ; `null` takes one away (RFC 7396, but for lists and objects, which are
//!   replaced as a whole).
//! - `header_text`, `claims_text`: the whole text instead, which need not be JSON.
//! - `sign`: who signs, and how: `RS256` (default), `RS384`, `RS512`, `PS256` with the good key, `other` (RS256 with
//!   another key), `ES256`, `none`, `zeros:<length>`, or `HS256:<secret>` with a text, or one of `pem`, `der`, `jwk`, `jwks`
//!   and `n` for the good public key in that form.
//! - `token`: how the parts are put together, `{header}.{claims}.{signature}` if nothing else is said. What stands before
//!   `{signature}` is what is signed.
//! - `expect`: `ok`, `expired`, `unknown key`, or the name of the flaw, such as `Claim(iss)`.
//!
//! In all texts `{now}`, `{now+60}` and `{now-60}` stand for seconds (as a number, if the text is nothing else), `{kid}`,
//! `{issuer}` and `{other issuer}` for what the good token says, `{members}` for the good claims without their braces,
//! `{repeat:x:100}` for a hundred times `x`, `{byte:ff}` for a byte, `{jwk}` and `{other jwk}` for the public keys, and in
//! `token` also `{token}` for the whole of it, and `{header|trailing}`, `{claims|trailing}` and `{signature|trailing}` for
//! another spelling of a part, with trailing bits set, and `{signature|standard}` for the standard alphabet.
//!
//! No token begins or ends with a blank or is empty: what HTTP would trim, no service sees.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaSignatureEncoding,
    },
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

const TABLE: &str = include_str!("access_tokens.jsonl");
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Who issues the good token that all others differ from.
pub(crate) struct Issuer<'a> {
    /// Signs it.
    pub(crate) key: &'a KeyPair,
    /// The name of that key.
    pub(crate) kid: &'a str,
    /// The claims of a good token.
    pub(crate) claims: Value,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// One line.
pub(crate) struct Row(Map<String, Value>);

/// All lines.
pub(crate) fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| Row(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))).collect()
}

impl Row {
    pub(crate) fn name(&self) -> &str {
        self.text("name").expect("each line has a name")
    }

    pub(crate) fn expect(&self) -> &str {
        self.text("expect").expect("each line says what to expect")
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member).map(|value| value.as_str().unwrap_or_else(|| panic!("{member} is a text: {:?}", self.0)))
    }

    /// The token, byte by byte.
    pub(crate) fn token(&self, issuer: &Issuer<'_>) -> Vec<u8> {
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": issuer.kid });
        let parts = Parts {
            header: self.part("header", header, issuer),
            claims: self.part("claims", issuer.claims.clone(), issuer),
            sign: self.text("sign").unwrap_or("RS256"),
            issuer,
        };
        let usual = parts.put_together("{header}.{claims}.{signature}");
        let template = self.text("token").unwrap_or("{token}").replace("{token}", &usual);
        bytes(&parts.put_together(&issuer.fill(&template)))
    }

    fn part(&self, name: &str, good: Value, issuer: &Issuer<'_>) -> String {
        if let Some(text) = self.text(&format!("{name}_text")) {
            return issuer.fill(text);
        }
        let mut part = good;
        let members = part.as_object_mut().expect("good parts are objects");
        for (name, value) in self.0.get(name).and_then(Value::as_object).into_iter().flatten() {
            match issuer.filled(value) {
                Value::Null => drop(members.remove(name)),
                value => drop(members.insert(name.clone(), value)),
            }
        }
        part.to_string()
    }
}

struct Parts<'a> {
    header: String,
    claims: String,
    sign: &'a str,
    issuer: &'a Issuer<'a>,
}

impl Parts<'_> {
    fn put_together(&self, template: &str) -> String {
        let Some((message, signature)) = template.rsplit_once(".{signature") else {
            return self.message(template);
        };
        let (message, (filter, rest)) = (self.message(message), signature.split_once('}').expect("a closing brace"));
        let signature = self.issuer.signature(self.sign, message.as_bytes());
        let signature = match filter {
            "" => encoded(&signature),
            "|trailing" => with_trailing_bits(&signature),
            "|standard" => BASE64_STANDARD_NO_PAD.encode(standard(&signature)),
            other => panic!("no such spelling: {other}"),
        };
        format!("{message}.{signature}{rest}")
    }

    fn message(&self, template: &str) -> String {
        let parts = [("header", &self.header), ("claims", &self.claims)];
        parts.into_iter().fold(template.to_owned(), |text, (name, part)| {
            // One byte more than a multiple of three leaves trailing bits.
            let padded = format!("{part}{}", " ".repeat((4 - part.len() % 3) % 3));
            text.replace(&format!("{{{name}}}"), &encoded(part.as_bytes()))
                .replace(&format!("{{{name}|trailing}}"), &with_trailing_bits(padded.as_bytes()))
        })
    }
}

impl Issuer<'_> {
    /// A value in which all texts are filled in; a text that is nothing but a number or a key becomes one.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let filled = self.fill(text);
                let stands_for_more = filled != *text && (text.starts_with("{now") || text.ends_with("jwk}"));
                serde_json::from_str(&filled).ok().filter(|_| stands_for_more).unwrap_or(filled.into())
            }
            Value::Array(list) => list.iter().map(|element| self.filled(element)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.filled(value))).collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    fn fill(&self, text: &str) -> String {
        let members = self.claims.to_string();
        let names = [
            ("{kid}", self.kid.to_owned()),
            ("{issuer}", self.claims["iss"].as_str().expect("an issuer").to_owned()),
            ("{other issuer}", "https://evil.test".to_owned()),
            ("{members}", members[1..members.len() - 1].to_owned()),
            ("{jwk}", jwk(self.key, self.kid)),
            ("{other jwk}", jwk(other_key(), self.kid)),
        ];
        let text = names.into_iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, &value));
        let text = expanded(&text, "{now", |offset| (self.now + offset.parse::<i64>().unwrap_or(0)).to_string());
        expanded(&text, "{repeat:", |what| {
            let (what, count) = what.rsplit_once(':').expect("how often");
            what.repeat(count.parse().expect("how often"))
        })
    }

    fn signature(&self, how: &str, message: &[u8]) -> Vec<u8> {
        match how.split_once(':') {
            Some(("HS256", secret)) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret(secret)), message).as_ref().to_vec()
            }
            Some(("zeros", length)) => vec![0; length.parse().expect("a length")],
            _ => match how {
                "none" => Vec::new(),
                "RS256" => rsa(self.key, &RSA_PKCS1_SHA256, message),
                "RS384" => rsa(self.key, &RSA_PKCS1_SHA384, message),
                "RS512" => rsa(self.key, &RSA_PKCS1_SHA512, message),
                "PS256" => rsa(self.key, &RSA_PSS_SHA256, message),
                "other" => rsa(other_key(), &RSA_PKCS1_SHA256, message),
                "ES256" => {
                    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
                    key.sign(&SystemRandom::new(), message).expect("a key can sign").as_ref().to_vec()
                }
                other => panic!("nobody signs with {other}"),
            },
        }
    }

    fn secret(&self, name: &str) -> Vec<u8> {
        let public = self.key.public_key();
        let der = || -> PublicKeyX509Der<'_> { public.as_der().expect("a public key has a form for X.509") };
        match name {
            "der" => der().as_ref().to_vec(),
            "pem" => pem(der().as_ref()).into_bytes(),
            "jwk" => jwk(self.key, self.kid).into_bytes(),
            "jwks" => format!("{{\"keys\":[{}]}}", jwk(self.key, self.kid)).into_bytes(),
            "n" => public.modulus().big_endian_without_leading_zero().to_vec(),
            text => self.fill(text).into_bytes(),
        }
    }
}

/// The key of somebody else: the same for a whole test program, because making one takes a while.
fn other_key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).expect("a key can be made"))
}

fn rsa(key: &KeyPair, scheme: &'static RsaSignatureEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(scheme, &SystemRandom::new(), message, &mut signature).expect("a key can sign");
    signature
}

fn jwk(key: &KeyPair, kid: &str) -> String {
    let public = key.public_key();
    let n = encoded(public.modulus().big_endian_without_leading_zero());
    let e = encoded(public.exponent().big_endian_without_leading_zero());
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e }).to_string()
}

fn pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|start| &text[start..text.len().min(start + 64)]).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The same bytes, but the bits of the last character that carry nothing are not zero.
fn with_trailing_bits(bytes: &[u8]) -> String {
    let mut text = encoded(bytes).into_bytes();
    assert!(!text.len().is_multiple_of(4), "the last character carries all its bits");
    let last = text.last_mut().expect("a part that is not empty");
    let value = ALPHABET.iter().position(|letter| letter == last).expect("base64url");
    *last = ALPHABET[value | 1];
    String::from_utf8(text).expect("base64url")
}

/// Bytes that the two alphabets spell differently: the first two letters are `+/`.
fn standard(signature: &[u8]) -> Vec<u8> {
    [&[0xFB, 0xFF, 0xFF], &signature[3..]].concat()
}

/// Replaces `{name…}` by what `make` makes of the `…`.
fn expanded(text: &str, start: &str, make: impl Fn(&str) -> String) -> String {
    let mut pieces = text.split(start);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |done, piece| {
        let (inside, rest) = piece.split_once('}').expect("a closing brace");
        done + &make(inside) + rest
    })
}

fn bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split("{byte:");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_once('}').expect("a closing brace");
        bytes.push(u8::from_str_radix(hex, 16).expect("a byte in hex"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
