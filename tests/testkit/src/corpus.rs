//! A table of access tokens and the verdict that each must get: `access_tokens.jsonl`. To add one, add a line.
//!
//! Each line is a JSON object; blank lines, and lines that begin with `#`, are ignored. A token is a good one except
//! for:
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
//! No token is empty, or begins or ends with a space: HTTP would trim it before a service sees it.

use crate::{
    issuer::Issuer,
    written::{encoded, pem},
};
use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256,
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../corpus/access_tokens.jsonl");
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The good token that all others differ from.
pub struct Good<'a> {
    /// Signs it, with a key of this name.
    pub issuer: &'a Issuer,
    /// What it says.
    pub claims: Value,
    /// Seconds since 1970.
    pub now: i64,
}

/// One line.
pub struct Row(Map<String, Value>);

/// All lines.
///
/// # Panics
/// When one of them is not JSON.
#[must_use]
pub fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| Row(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))).collect()
}

impl Row {
    /// What is wrong with it, for people.
    ///
    /// # Panics
    /// When nobody has written it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name").expect("each line has a name")
    }

    /// The verdict that it must get.
    ///
    /// # Panics
    /// When nobody has written it.
    #[must_use]
    pub fn expect(&self) -> &str {
        self.text("expect").expect("each line says what to expect")
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member).map(|value| value.as_str().unwrap_or_else(|| panic!("{member} is a text: {:?}", self.0)))
    }

    /// The token, byte by byte.
    ///
    /// # Panics
    /// When the line asks for something unknown.
    #[must_use]
    pub fn token(&self, good: &Good<'_>) -> Vec<u8> {
        let parts = Parts {
            header: self.part("header", good.issuer.header(), good),
            claims: self.part("claims", good.claims.clone(), good),
            sign: self.text("sign").unwrap_or("RS256"),
            good,
        };
        let usual = parts.put_together("{header}.{claims}.{signature}");
        let template = self.text("token").unwrap_or("{token}").replace("{token}", &usual);
        bytes(&parts.put_together(&good.fill(&template)))
    }

    fn part(&self, name: &str, mut part: Value, good: &Good<'_>) -> String {
        if let Some(text) = self.text(&format!("{name}_text")) {
            return good.fill(text);
        }
        let members = part.as_object_mut().expect("good parts are objects");
        for (name, value) in self.0.get(name).and_then(Value::as_object).into_iter().flatten() {
            match good.filled(value) {
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
    good: &'a Good<'a>,
}

impl Parts<'_> {
    fn put_together(&self, template: &str) -> String {
        let Some((message, signature)) = template.rsplit_once(".{signature") else {
            return self.message(template);
        };
        let (message, (filter, rest)) = (self.message(message), signature.split_once('}').expect("a closing brace"));
        let signature = self.good.signature(self.sign, message.as_bytes());
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
            text.replace(&format!("{{{name}}}"), &encoded(part))
                .replace(&format!("{{{name}|trailing}}"), &with_trailing_bits(padded.as_bytes()))
        })
    }
}

impl Good<'_> {
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
            ("{kid}", self.issuer.key_id().to_owned()),
            ("{issuer}", self.claims["iss"].as_str().expect("an issuer").to_owned()),
            ("{other issuer}", "https://evil.test".to_owned()),
            ("{members}", members[1..members.len() - 1].to_owned()),
            ("{jwk}", self.issuer.public_key().to_string()),
            ("{other jwk}", self.namesake().to_string()),
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
                "RS256" => self.issuer.signature(&RSA_PKCS1_SHA256, message),
                "RS384" => self.issuer.signature(&RSA_PKCS1_SHA384, message),
                "RS512" => self.issuer.signature(&RSA_PKCS1_SHA512, message),
                "PS256" => self.issuer.signature(&RSA_PSS_SHA256, message),
                "other" => OTHER.signature(&RSA_PKCS1_SHA256, message),
                "ES256" => {
                    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
                    key.sign(&SystemRandom::new(), message).expect("a key can sign").as_ref().to_vec()
                }
                other => panic!("nobody signs with {other}"),
            },
        }
    }

    fn secret(&self, name: &str) -> Vec<u8> {
        let der = || self.issuer.public_der();
        match name {
            "der" => der(),
            "pem" => pem("PUBLIC KEY", &der()).into_bytes(),
            "jwk" => self.issuer.public_key().to_string().into_bytes(),
            "jwks" => self.issuer.key_set().to_string().into_bytes(),
            "n" => self.issuer.modulus(),
            text => self.fill(text).into_bytes(),
        }
    }

    /// The key of somebody else under the name of the good one.
    fn namesake(&self) -> Value {
        let mut key = OTHER.public_key().clone();
        key["kid"] = json!(self.issuer.key_id());
        key
    }
}

/// Somebody else.
static OTHER: LazyLock<Issuer> = LazyLock::new(|| Issuer::with_new_key("other", KeySize::Rsa2048));

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
