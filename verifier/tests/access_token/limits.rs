//! Each limit, exactly: what is just within it is accepted, and what is just beyond it is not.

use super::*;
use jeton_verifier::{KeySetError, MAX_TOKEN_BYTES, Reading};

/// A good token of exactly this many bytes. Not every length is possible with one header: base64 takes three bytes at a
/// time.
fn token_of_length(length: usize) -> String {
    let issuer = Issuer::usual();
    let padded = |in_header: usize, in_claims: usize| {
        let header = changed(issuer.header(), json!({ "pad": "x".repeat(in_header) }));
        issuer.sign(&header, &changed(claims(NOW), json!({ "pad": "x".repeat(in_claims) })))
    };
    let room = (length - padded(0, 0).len()) / 4 * 3;
    let paddings = (0..3).flat_map(|in_header| (room - 6..=room + 3).map(move |in_claims| (in_header, in_claims)));
    let mut tokens = paddings.map(|(in_header, in_claims)| padded(in_header, in_claims));
    tokens.find(|token| token.len() == length).expect("one of them fits")
}

#[test]
fn a_token_has_at_most_eight_kibibytes() {
    assert_eq!(MAX_TOKEN_BYTES, 8192);
    assert!(verify(&token_of_length(8192)).is_ok());
    assert_eq!(flaw(&token_of_length(8193)), Some(Flaw::TooLong));
}

#[test]
fn a_kid_has_one_to_a_hundred_and_twenty_eight_bytes() {
    for (length, is_kid) in [(0, false), (1, true), (128, true), (129, false)] {
        let kid = "k".repeat(length);
        let set = json!({ "keys": [changed(Issuer::usual().public_key().clone(), json!({ "kid": kid }))] });
        let keys = KeySet::from_jwks(set.to_string().as_bytes());
        assert_eq!(keys.is_ok(), is_kid, "{length}");
        let flaw = flaw(&token_with_header(json!({ "kid": kid })));
        assert_eq!(flaw == Some(Flaw::KeyId), !is_kid, "{length}: {flaw:?}");
    }
}

#[test]
fn a_key_set_has_at_most_64_keys_and_256_kibibytes() {
    let of = |count: usize| {
        Reading::of_jwks(json!({ "keys": vec![Issuer::usual().public_key(); count] }).to_string().as_bytes())
    };
    assert_eq!(of(64).keys.map(|keys| keys.len()), Ok(1));
    assert_eq!(of(65).keys.err(), Some(KeySetError::TooManyKeys));
    let set = Issuer::usual().key_set().to_string();
    let padded = |length: usize| KeySet::from_jwks(format!("{set}{}", " ".repeat(length - set.len())).as_bytes());
    assert_eq!(padded(256 * 1024).map(|keys| keys.len()), Ok(1));
    assert_eq!(padded(256 * 1024 + 1).err(), Some(KeySetError::TooLarge));
    let pem = Issuer::usual().public_pem();
    let padded = |length: usize| KeySet::from_pem(format!("{pem}{}", " ".repeat(length - pem.len())).as_bytes());
    assert_eq!(padded(256 * 1024).map(|keys| keys.len()), Ok(1));
    assert_eq!(padded(256 * 1024 + 1).err(), Some(KeySetError::TooLarge));
}

#[test]
fn an_exponent_is_odd_and_has_17_to_32_bits() {
    let with = |exponent: u64| {
        let bytes: Vec<u8> = exponent.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let key = changed(Issuer::usual().public_key().clone(), json!({ "e": testkit::encoded(bytes) }));
        KeySet::from_jwks(json!({ "keys": [key] }).to_string().as_bytes()).is_ok()
    };
    for (exponent, is_fit) in [
        (3, false),
        (0xFFFF, false),
        (0x1_0000, false),
        (0x1_0001, true),
        (0x1_0002, false),
        (0xFFFF_FFFF, true),
        (0x1_0000_0001, false),
    ] {
        assert_eq!(with(exponent), is_fit, "{exponent:#x}");
    }
}

#[test]
fn a_key_set_shows_only_the_names_of_its_keys() {
    let keys = usual_keys();
    assert_eq!(format!("{keys:?}"), r#"{"first"}"#);
    assert!(keys.contains("first") && !keys.contains("second") && !keys.contains(""));
    assert!(keys == usual_keys());
    let other = KeySet::from_jwks(Issuer::other().key_set().to_string().as_bytes()).expect("a good key set");
    assert!(keys != other);
}
