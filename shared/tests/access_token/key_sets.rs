//! Key sets: read key by key; what is not fit to verify RS256 never becomes usable and spoils nothing.

use super::*;
use aws_lc_rs::{digest, rsa::KeySize};
use shared::access_token::KeySetError;

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn usual_with(changes: Value) -> Value {
    changed(Issuer::usual().jwk(), changes)
}

#[test]
fn a_bad_key_is_left_out_and_its_neighbour_stays() {
    let bad = [
        json!({ "use": "enc" }),
        json!({ "use": 1 }),
        json!({ "use": ["sig"] }),
        json!({ "alg": "RS384" }),
        json!({ "alg": 256 }),
        json!({ "key_ops": ["sign"] }),
        json!({ "key_ops": ["encrypt", "verify"] }),
        json!({ "key_ops": [] }),
        json!({ "key_ops": "verify" }),
        json!({ "kid": null }),
        json!({ "kid": "" }),
        json!({ "kid": 1 }),
        json!({ "kid": "k".repeat(129) }),
        json!({ "kty": "rsa" }),
        json!({ "kty": null }),
        json!({ "n": null }),
        json!({ "n": "" }),
        json!({ "n": 5 }),
        json!({ "n": "not base64url!" }),
        json!({ "e": null }),
        json!({ "e": "AQ" }),
        json!({ "e": "Aw" }),
        json!({ "e": "AQAA" }),
        json!({ "e": "AAEAAQ" }),
        json!({ "d": "AQAB" }),
        json!({ "p": "AQAB" }),
        json!({ "k": "AQAB" }),
    ];
    for changes in bad {
        let bad = changed(usual_with(json!({ "kid": "bad" })), changes.clone());
        assert_eq!(set(std::slice::from_ref(&bad)).err(), Some(KeySetError::NoUsableKey), "{changes}");
        let keys = set(&[bad, Issuer::other().jwk()]).expect("the neighbour");
        assert!(keys.len() == 1 && keys.contains("second"), "{changes}");
    }
}

#[test]
fn what_is_no_rsa_key_is_left_out_and_its_neighbour_stays() {
    let foreign = [
        json!({ "kty": "oct", "kid": "bad", "k": "c2VjcmV0", "alg": "HS256" }),
        json!({ "kty": "EC", "kid": "bad", "crv": "P-256", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "kid": "bad", "crv": "Ed25519", "x": "AA" }),
        json!({ "kty": "AKP", "kid": "bad", "alg": "ML-DSA-44", "pub": "AA" }),
        json!({}),
        json!([]),
        json!(null),
        json!(7),
        json!("a key"),
    ];
    for key in foreign {
        let keys = set(&[key.clone(), Issuer::usual().jwk()]).expect("the neighbour");
        assert_eq!(keys.len(), 1, "{key}");
    }
}

#[test]
fn not_even_a_key_that_json_readers_choke_on_spoils_its_neighbours() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for key in [r#"{"kty":"RSA","x":1e999}"#, r#"{"kty":"RSA","kty":"RSA"}"#, &deep] {
        let text = format!(r#"{{"keys":[{key},{}]}}"#, Issuer::usual().jwk());
        assert_eq!(KeySet::from_jwks(text.as_bytes()).expect("the neighbour").len(), 1, "{key}");
    }
}

#[test]
fn keys_that_share_a_kid_are_both_left_out() {
    let namesake = changed(Issuer::other().jwk(), json!({ "kid": "first" }));
    assert_eq!(set(&[Issuer::usual().jwk(), namesake.clone()]).err(), Some(KeySetError::NoUsableKey));
    let keys = set(&[Issuer::usual().jwk(), namesake, Issuer::other().jwk()]).expect("the third");
    assert!(keys.len() == 1 && keys.contains("second"));
    let thrice = set(&[Issuer::usual().jwk(), Issuer::usual().jwk(), Issuer::usual().jwk()]);
    assert_eq!(thrice.err(), Some(KeySetError::NoUsableKey));
}

#[test]
fn members_that_may_be_absent_may_be_absent() {
    let bare = usual_with(json!({ "use": null, "alg": null, "x5t": "ignored" }));
    assert!(set(&[bare]).is_ok());
    assert!(set(&[usual_with(json!({ "key_ops": ["verify"] }))]).is_ok());
}

#[test]
fn a_small_key_is_left_out() {
    let modulus = |bits: usize| {
        let mut modulus = vec![0xFF; bits / 8];
        modulus[0] = 0x80;
        common::encode(modulus)
    };
    assert!(set(&[usual_with(json!({ "n": modulus(2048) }))]).is_ok());
    for bits in [512, 1024, 2040, 8200] {
        assert!(set(&[usual_with(json!({ "n": modulus(bits) }))]).is_err(), "{bits}");
    }
    let mut even = vec![0xFE; 256];
    even[0] = 0x80;
    assert!(set(&[usual_with(json!({ "n": common::encode(even) }))]).is_err());
}

#[test]
fn an_absurd_answer_is_no_key_set() {
    let malformed =
        ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>", r#"{"keys":[],"keys":[]}"#];
    for text in malformed {
        assert_eq!(KeySet::from_jwks(text.as_bytes()).err(), Some(KeySetError::Malformed), "{text}");
    }
    assert_eq!(set(&[]).err(), Some(KeySetError::NoUsableKey));
    assert_eq!(set(&vec![Issuer::usual().jwk(); 65]).err(), Some(KeySetError::TooManyKeys));
    let padded = format!("{}{}", Issuer::usual().jwks(), " ".repeat(256 * 1024));
    assert_eq!(KeySet::from_jwks(padded.as_bytes()).err(), Some(KeySetError::TooLarge));
}

#[test]
fn a_set_that_is_kept_and_read_again_verifies_the_same_tokens() {
    let kept = serde_json::to_string(&usual_keys()).expect("JSON");
    assert!(!kept.contains("\"d\""));
    let keys = KeySet::from_jwks(kept.as_bytes()).expect("the same keys");
    assert!(verifier_at(Timestamp::from_secs(NOW)).verify(&token_with(json!({})), &keys).is_ok());
}

#[test]
fn a_key_in_pem_is_named_by_its_thumbprint() {
    let issuer = Issuer::usual();
    let jwk = issuer.jwk();
    let canonical = format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, jwk["e"], jwk["n"]);
    let thumbprint = common::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let text = format!("# pinned\n{}\n{}", issuer.pem(), Issuer::other().pem());
    for keys in [KeySet::from_pem(text.as_bytes()), KeySet::from_jwks_or_pem(text.as_bytes())] {
        let keys = keys.expect("two keys");
        assert!(keys.len() == 2 && keys.contains(&thumbprint));
        let token = token_with_header(json!({ "kid": thumbprint }));
        assert!(verifier_at(Timestamp::from_secs(NOW)).verify(&token, &keys).is_ok());
    }
}

#[test]
fn pem_of_anything_else_is_no_key_set() {
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(KeySet::from_pem(private.as_bytes()).err(), Some(KeySetError::Malformed));
    assert_eq!(KeySet::from_pem(b"\xFF\xFE").err(), Some(KeySetError::Malformed));
    let garbled = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    assert_eq!(KeySet::from_pem(garbled.as_bytes()).err(), Some(KeySetError::NoUsableKey));
    let cut = "-----BEGIN PUBLIC KEY-----\nAAAA\n";
    assert_eq!(KeySet::from_pem(cut.as_bytes()).err(), Some(KeySetError::Malformed));
}

#[test]
fn larger_keys_verify_too() {
    let issuer = Issuer::with_new_key("large", KeySize::Rsa3072);
    let keys = KeySet::from_jwks(issuer.jwks().as_bytes()).expect("a good key set");
    assert!(verifier_at(Timestamp::from_secs(NOW)).verify(&issuer.token(&claims(NOW)), &keys).is_ok());
}
