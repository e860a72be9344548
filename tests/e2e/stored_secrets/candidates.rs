//! What in a stored value could be a credential: the value, its parts, and what it decodes to.

use crate::stores::Stored;
use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// No credential is shorter: a password has eight characters at least, and all others are longer.
const SHORTEST: usize = 8;
/// No credential is longer: the verifiers look at no more.
const LONGEST: usize = 8 * 1024;
/// How many layers of encoding are undone.
const DEPTH: usize = 3;
/// The lengths of an HS256 and an RS256 signature in base64url: where a token ends if something follows it.
const SIGNATURES: [usize; 2] = [43, 342];

/// What could be a credential, and where it was found first.
pub(super) fn of(dump: &[Stored]) -> BTreeMap<String, &Stored> {
    let mut all = BTreeMap::new();
    for stored in dump {
        let mut found = BTreeSet::new();
        collect(&stored.value, DEPTH, &mut found);
        for candidate in found {
            all.entry(candidate).or_insert(stored);
        }
    }
    all
}

fn collect(text: &str, depth: usize, found: &mut BTreeSet<String>) {
    if text.len() < SHORTEST {
        return;
    }
    let is_text = !text.contains(|letter: char| letter.is_control() || letter == char::REPLACEMENT_CHARACTER);
    if text.len() <= LONGEST && is_text && !found.insert(text.to_owned()) {
        return;
    }
    match serde_json::from_str(text) {
        Ok(json @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => collect_leaves(&json, depth, found),
        _ => collect_words(text, depth, found),
    }
    for bytes in decoded(text) {
        if depth > 0 {
            collect(&String::from_utf8_lossy(&bytes), depth - 1, found);
        }
    }
}

fn collect_leaves(json: &Value, depth: usize, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            collect(name, depth, found);
            collect_leaves(value, depth, found);
        }),
        Value::Array(elements) => elements.iter().for_each(|element| collect_leaves(element, depth, found)),
        Value::String(text) => collect(text, depth, found),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Splits at characters that surely separate, then also at those that may belong to a word.
fn collect_words(text: &str, depth: usize, found: &mut BTreeSet<String>) {
    for kept in ["-_.~+/=:@$,", "-_.~+/=", "-_.", "-_", ""] {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !kept.contains(letter));
        words.filter(|word| word.len() < text.len()).for_each(|word| collect(word, depth, found));
    }
    for (start, _) in text.match_indices("eyJ") {
        collect_token(&text[start..], found);
    }
}

/// A JWS that begins here, with or without its signature: in a file, nothing may separate it from what follows.
fn collect_token(text: &str, found: &mut BTreeSet<String>) {
    let length = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
    let parts: Vec<&str> = text[..length].split('.').collect();
    let [header, claims, rest @ ..] = parts.as_slice() else { return };
    found.insert(format!("{header}.{claims}"));
    let Some(signature) = rest.first() else { return };
    for end in SIGNATURES.into_iter().filter(|end| *end <= signature.len()) {
        found.insert(format!("{header}.{claims}.{}", &signature[..end]));
    }
}

/// The bytes that hex or base64 stand for, `\x…` of PostgreSQL included.
pub(super) fn decoded(text: &str) -> Vec<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let hex = text.strip_prefix("\\x").unwrap_or(text);
    let alphabets = [STANDARD, URL_SAFE].map(|alphabet| GeneralPurpose::new(&alphabet, lenient).decode(text).ok());
    alphabets.into_iter().flatten().chain(unhex(hex)).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
