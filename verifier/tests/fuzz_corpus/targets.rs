//! What the fuzzer calls, and the ordinary test that replays the corpus. Each panics when a rule is broken, and answers
//! whether the input was taken.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jeton_verifier::{
    KeySet, Refusal, Verifier,
    clock::{ManualClock, Timestamp},
};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// The private half has been thrown away: `corpus/access_token/good` is all that it ever signed.
const KEYS: &[u8] = include_bytes!("key.json");
/// When that token is good.
const NOW: i64 = 1_800_000_000;

static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| KeySet::from_jwks(KEYS).expect("a good key"));
static REMEMBERING: LazyLock<Verifier> = LazyLock::new(verifier);

fn verifier() -> Verifier {
    let clock = ManualClock::at(Timestamp::from_secs(NOW));
    Verifier::new("https://auth.test", "jeton", Arc::new(clock))
}

/// A whole token. Whatever is taken has the key's signature over exactly these bytes, and a verifier with a memory judges
/// as one without.
pub fn access_token(bytes: &[u8]) -> bool {
    let Ok(token) = std::str::from_utf8(bytes) else { return false };
    let fresh = verifier().verify(token, &KEY_SET);
    for _ in 0..2 {
        let again = REMEMBERING.verify(token, &KEY_SET);
        assert_eq!(again.as_ref().err(), fresh.as_ref().err(), "a memory makes no difference");
    }
    assert!(fresh.is_err() || is_signed(token), "taken without a signature");
    fresh.is_ok()
}

fn is_signed(token: &str) -> bool {
    let key: Value = serde_json::from_slice(KEYS).expect("JSON");
    let number = |name: &str| {
        let text = key["keys"][0][name].as_str().expect("a text");
        BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
    };
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let Ok(decoded) = BASE64_URL_SAFE_NO_PAD.decode(signature) else { return false };
    let is_canonical = BASE64_URL_SAFE_NO_PAD.encode(&decoded) == signature;
    is_canonical && key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decoded).is_ok()
}

/// Header and claims as texts, divided by a NUL, so that the fuzzer need not learn base64. Never taken; answers whether
/// everything but the signature was in order.
pub fn parts(bytes: &[u8]) -> bool {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (header, claims) = bytes.split_at(at);
    let claims = claims.strip_prefix(b"\0").unwrap_or(claims);
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let verdict = verifier().verify(&format!("{header}.{claims}.AAAA"), &KEY_SET);
    assert!(verdict.is_err(), "taken without a signature");
    matches!(verdict, Err(Refusal::UnknownKey))
}

/// A key set. What was read can be written, and says the same again.
pub fn key_set(bytes: &[u8]) -> bool {
    let Ok(keys) = KeySet::from_jwks_or_pem(bytes) else { return false };
    let written = serde_json::to_vec(&keys).expect("keys are JSON");
    let again = KeySet::from_jwks(&written).expect("what was written is a key set");
    assert!(!keys.is_empty() && again.len() == keys.len());
    assert_eq!(serde_json::to_vec(&again).expect("keys are JSON"), written);
    true
}
