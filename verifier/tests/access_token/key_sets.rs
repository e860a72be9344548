//! Key sets: read key by key; what is not fit to verify RS256 is never used, and the rest still is.

use super::*;
use aws_lc_rs::{digest, rsa::KeySize};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jeton_verifier::{KeySetError, Reading, Unused};

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn usual_with(changes: Value) -> Value {
    changed(Issuer::usual().public_key().clone(), changes)
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
        let keys = set(&[bad, Issuer::other().public_key().clone()]).expect("the neighbour");
        assert!(keys.len() == 1 && keys.contains("second"), "{changes}");
    }
}

#[test]
fn a_key_that_is_not_rsa_is_left_out_and_its_neighbour_stays() {
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
        let keys = set(&[key.clone(), Issuer::usual().public_key().clone()]).expect("the neighbour");
        assert!(keys.len() == 1 && !keys.is_empty(), "{key}");
    }
}

#[test]
fn a_key_that_json_readers_choke_on_does_not_spoil_its_neighbours() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for key in [r#"{"kty":"RSA","x":1e999}"#, r#"{"kty":"RSA","kty":"RSA"}"#, &deep] {
        let text = format!(r#"{{"keys":[{key},{}]}}"#, Issuer::usual().public_key().clone());
        assert_eq!(KeySet::from_jwks(text.as_bytes()).expect("the neighbour").len(), 1, "{key}");
    }
}

#[test]
fn keys_that_share_a_kid_are_both_left_out() {
    let namesake = changed(Issuer::other().public_key().clone(), json!({ "kid": "first" }));
    assert_eq!(set(&[Issuer::usual().public_key().clone(), namesake.clone()]).err(), Some(KeySetError::NoUsableKey));
    let keys = set(&[Issuer::usual().public_key().clone(), namesake, Issuer::other().public_key().clone()])
        .expect("the third");
    assert!(keys.len() == 1 && keys.contains("second"));
}

#[test]
fn a_key_that_is_there_several_times_counts_once() {
    let thrice = set(&[
        Issuer::usual().public_key().clone(),
        Issuer::usual().public_key().clone(),
        usual_with(json!({ "alg": null })),
    ]);
    assert_eq!(thrice.expect("one key").kids(), ["first"]);
    let twice =
        format!("{}{}{}", Issuer::usual().public_pem(), Issuer::other().public_pem(), Issuer::usual().public_pem());
    assert_eq!(KeySet::from_pem(twice.as_bytes()).expect("two keys").len(), 2);
    let renamed = usual_with(json!({ "kid": "again" }));
    assert_eq!(set(&[Issuer::usual().public_key().clone(), renamed]).expect("two names").kids(), ["again", "first"]);
}

fn moduli(kind: &str) -> Vec<(String, String)> {
    let moduli: Value = serde_json::from_str(include_str!("moduli.json")).expect("JSON");
    let moduli = moduli[kind].as_object().expect("an object").clone();
    moduli.into_iter().map(|(name, n)| (name, n.as_str().expect("a text").to_owned())).collect()
}

/// A modulus as a JWK and as PEM, encoded here: a library would refuse to write such a key.
fn both_forms(n: &str) -> [Reading; 2] {
    let jwks = json!({ "keys": [usual_with(json!({ "n": n }))] }).to_string();
    [Reading::of_jwks(jwks.as_bytes()), Reading::of_pem(pem_of(n).as_bytes())]
}

fn pem_of(n: &str) -> String {
    let n = URL_SAFE_NO_PAD.decode(n).expect("base64url");
    let length = |content: &[u8]| [&[0x82][..], &(content.len() as u16).to_be_bytes()].concat();
    let sign = if n[0] & 0x80 == 0 { &[][..] } else { &[0][..] };
    let n = [sign, &n].concat();
    let numbers = [&[0x02], &length(&n)[..], &n, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat();
    let key = [&[0x00, 0x30], &length(&numbers)[..], &numbers].concat();
    let algorithm = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];
    let spki = [&algorithm, &[0x03][..], &length(&key), &key].concat();
    block("PUBLIC KEY", &[&[0x30], &length(&spki)[..], &spki].concat())
}

fn block(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn der_of(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).expect("base64")
}

#[test]
fn a_key_that_anybody_can_sign_with_is_left_out_whatever_its_form() {
    for (what, n) in moduli("weak") {
        for reading in both_forms(&n) {
            assert_eq!(reading.keys.err(), Some(KeySetError::NoUsableKey), "{what}");
            let reason = reading.unused[0].reason;
            assert!(reason.starts_with("its modulus"), "{what}: {reason}");
        }
    }
    for (what, n) in moduli("sound") {
        for reading in both_forms(&n) {
            assert_eq!(reading.keys.map(|keys| keys.len()), Ok(1), "{what}: {:?}", reading.unused);
        }
    }
}

#[test]
fn keys_that_share_a_factor_are_both_left_out_and_the_rest_stays() {
    let shared: Value = serde_json::from_str(include_str!("moduli.json")).expect("JSON");
    let [one, other] = [0, 1].map(|index| {
        let n = &shared["with a common factor"][index];
        usual_with(json!({ "n": n, "kid": format!("shared-{index}") }))
    });
    assert!(set(std::slice::from_ref(&one)).is_ok(), "alone, it looks sound");
    assert_eq!(set(&[one, Issuer::other().public_key().clone(), other]).expect("the third").kids(), ["second"]);
}

#[test]
fn each_unused_key_is_reported_with_its_position_its_name_and_the_reason() {
    let keys = [
        usual_with(json!({ "use": "enc" })),
        Issuer::other().public_key().clone(),
        json!({ "kty": "EC" }),
        json!({ "kty": "EC" }),
    ];
    let reading = Reading::of_jwks(json!({ "keys": keys }).to_string().as_bytes());
    assert_eq!(reading.keys.expect("the second").kids(), ["second"]);
    let first = &reading.unused[0];
    let said = (first.position, first.kid.as_deref(), first.reason);
    assert_eq!(said, (1, Some("first"), "its use is not sig"));
    assert_eq!(reading.unused.len(), 3);
    assert_eq!(Unused::summary(&reading.unused), "1 × its use is not sig, 2 × not an RSA key");
}

#[test]
fn members_that_may_be_absent_may_be_absent() {
    let bare = usual_with(json!({ "use": null, "alg": null, "x5t": "ignored" }));
    assert!(set(&[bare]).is_ok());
    assert!(set(&[usual_with(json!({ "key_ops": ["verify"] }))]).is_ok());
}

#[test]
fn a_small_key_is_left_out() {
    for (bits, n) in moduli("small") {
        assert!(set(&[usual_with(json!({ "n": n }))]).is_err(), "{bits}");
    }
    let with_bytes = |count: usize, last: u8| {
        let mut modulus = vec![0xFF; count];
        modulus[count - 1] = last;
        set(&[usual_with(json!({ "n": testkit::encoded(modulus) }))])
    };
    assert!(with_bytes(1025, 0xFF).is_err(), "too large");
    assert!(with_bytes(256, 0xFE).is_err(), "even");
}

#[test]
fn an_absurd_answer_is_not_a_key_set() {
    let malformed =
        ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>", r#"{"keys":[],"keys":[]}"#];
    for text in malformed {
        assert_eq!(KeySet::from_jwks(text.as_bytes()).err(), Some(KeySetError::Malformed), "{text}");
    }
    assert_eq!(set(&[]).err(), Some(KeySetError::NoUsableKey));
    assert_eq!(set(&vec![Issuer::usual().public_key().clone(); 65]).err(), Some(KeySetError::TooManyKeys));
    let padded = format!("{}{}", Issuer::usual().key_set(), " ".repeat(256 * 1024));
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
    let jwk = issuer.public_key().clone();
    let canonical = format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, jwk["e"], jwk["n"]);
    let thumbprint = testkit::encoded(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let text = format!("# pinned\n{}\n{}", issuer.public_pem(), Issuer::other().public_pem());
    for keys in [KeySet::from_pem(text.as_bytes()), KeySet::from_jwks_or_pem(text.as_bytes())] {
        let keys = keys.expect("two keys");
        assert!(keys.len() == 2 && keys.contains(&thumbprint));
        let token = token_with_header(json!({ "kid": thumbprint }));
        assert!(verifier_at(Timestamp::from_secs(NOW)).verify(&token, &keys).is_ok());
    }
}

#[test]
fn pem_of_anything_else_is_not_a_key_set() {
    assert_eq!(KeySet::from_pem(b"\xFF\xFE").err(), Some(KeySetError::Malformed));
    assert_eq!(KeySet::from_pem(b"").err(), Some(KeySetError::Malformed));
    let garbled = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    assert_eq!(KeySet::from_pem(garbled.as_bytes()).err(), Some(KeySetError::NoUsableKey));
}

/// Blocks that are not used, each with a word of the reason. For too many or too few bytes, the reason may be any.
fn bad_blocks() -> Vec<(String, &'static str)> {
    let good = Issuer::other().public_pem();
    let der = der_of(good);
    let with = |bytes: &[u8]| block("PUBLIC KEY", &[&der, bytes].concat());
    let mut long_form = der.clone();
    // The outer length in three bytes where two would do.
    long_form.splice(1..2, [0x83, 0x00]);
    vec![
        (with(&[0]), "it"),
        (with(&[0x05, 0x00]), "it"),
        (with(&der), "it"),
        (block("PUBLIC KEY", &long_form), "it"),
        (block("PUBLIC KEY", &der[..der.len() - 1]), "it"),
        (block("PUBLIC KEY", &[]), "it"),
        (good.replace("\n-----END", "!\n-----END"), "base64"),
        (good.replacen('\n', "\nProc-Type: 4,ENCRYPTED\n", 1), "base64"),
        (good.lines().take(3).map(|line| format!("{line}\n")).collect(), "without its END"),
        (good.replace("END PUBLIC", "END PRIVATE"), "without its END"),
        (block("PRIVATE KEY", &der), "a private key"),
        (block("RSA PRIVATE KEY", &der), "a private key"),
        (block("ENCRYPTED PRIVATE KEY", &der), "a private key"),
        (block("CERTIFICATE", &der), "a certificate"),
        (block("RSA PUBLIC KEY", &der), "PKCS #1"),
        (block("SOMETHING ELSE", &der), "not a PUBLIC KEY"),
    ]
}

#[test]
fn a_bad_block_is_left_out_with_its_reason_and_its_neighbours_stay() {
    for (bad, reason) in bad_blocks() {
        for text in [format!("{bad}{}", Issuer::usual().public_pem()), format!("{}{bad}", Issuer::usual().public_pem())]
        {
            let reading = Reading::of_jwks_or_pem(text.as_bytes());
            assert_eq!(reading.keys.map(|keys| keys.len()), Ok(1), "{text}");
            assert_eq!(reading.unused.len(), 1, "{text}");
            let found = reading.unused[0].reason;
            assert!(found.contains(reason), "{found} instead of {reason}\n{text}");
        }
        assert_eq!(KeySet::from_pem(bad.as_bytes()).err(), Some(KeySetError::NoUsableKey), "{bad}");
    }
}

#[test]
fn line_ends_marks_and_text_around_the_blocks_do_not_matter() {
    let (pem, jwks) = (Issuer::usual().public_pem(), Issuer::usual().key_set().to_string());
    let shapes = [
        pem.replace('\n', "\r\n"),
        format!("\u{FEFF}{pem}"),
        format!("# caf\u{e9} ----- \n\n{pem}\nand {{more}}"),
        pem.trim_end().to_owned(),
        pem.replace('\n', " \n  "),
        format!("\u{FEFF}{jwks}"),
        format!("\r\n {jwks}\r\n"),
    ];
    for text in shapes {
        assert_eq!(KeySet::from_jwks_or_pem(text.as_bytes()).map(|keys| keys.len()), Ok(1), "{text}");
    }
    let latin_1 = [b"# caf\xE9\n", pem.as_bytes()].concat();
    assert_eq!(KeySet::from_jwks_or_pem(&latin_1).map(|keys| keys.len()), Ok(1));
}

#[test]
fn larger_keys_verify_too() {
    let issuer = Issuer::with_new_key("large", KeySize::Rsa3072);
    let keys = KeySet::from_jwks(issuer.key_set().to_string().as_bytes()).expect("a good key set");
    assert!(verifier_at(Timestamp::from_secs(NOW)).verify(&issuer.token_of(&claims(NOW)), &keys).is_ok());
}
