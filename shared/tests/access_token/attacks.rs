//! Attacks that have worked elsewhere: RFC 8725, PortSwigger's JWT labs, jwt_tool.

use super::*;
use aws_lc_rs::hmac;

fn hs256(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", common::encode(header), common::encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", common::encode(tag))
}

#[test]
fn no_signature_is_no_token_however_none_is_spelt() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": "first" }).to_string();
        let unsigned = format!("{}.{}.", common::encode(&header), common::encode(claims(NOW).to_string()));
        assert_eq!(flaw(&unsigned), Some(Flaw::Shape));
        assert_eq!(flaw(&format!("{unsigned}AA")), Some(Flaw::Algorithm));
        assert_eq!(flaw(&Issuer::usual().sign(&header, &claims(NOW).to_string())), Some(Flaw::Algorithm));
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let issuer = Issuer::usual();
    let secrets = [issuer.pem(), issuer.jwk().to_string(), issuer.jwks(), String::new()];
    for secret in secrets {
        for alg in ["HS256", "RS256"] {
            let header = json!({ "alg": alg, "typ": "at+jwt", "kid": "first" }).to_string();
            let forged = hs256(&header, &claims(NOW).to_string(), secret.as_bytes());
            assert!(matches!(flaw(&forged), Some(Flaw::Algorithm | Flaw::Signature)));
        }
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let attacker = Issuer::other();
    let brought = [
        json!({ "jwk": attacker.jwk() }),
        json!({ "jku": "https://evil.test/jwks.json" }),
        json!({ "x5u": "https://evil.test/cert.pem" }),
        json!({ "x5c": [common::encode("certificate")] }),
    ];
    for extra in brought {
        let header = changed(changed(attacker.header(), json!({ "kid": "first" })), extra);
        assert_eq!(flaw(&attacker.sign(&header.to_string(), &claims(NOW).to_string())), Some(Flaw::Signature));
    }
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    for kid in [
        "../../../../dev/null",
        "/dev/null",
        "first' UNION SELECT 'x",
        "first; sleep 5",
        "http://evil.test/key",
        "first\0",
        "FIRST",
        " first",
    ] {
        assert_eq!(verify(&token_with_header(json!({ "kid": kid }))).err(), Some(Refusal::UnknownKey), "{kid}");
    }
}

#[test]
fn a_refresh_token_is_no_access_token() {
    let header = json!({ "alg": "HS256", "typ": "rt+jwt", "kid": "first" }).to_string();
    assert_eq!(flaw(&hs256(&header, &claims(NOW).to_string(), b"the issuer's own")), Some(Flaw::Algorithm));
    assert_eq!(flaw(&token_with_header(json!({ "typ": "rt+jwt" }))), Some(Flaw::Type));
}

#[test]
fn changed_claims_need_another_signature() {
    let token = token_with(json!({}));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let richer = common::encode(changed(claims(NOW), json!({ "roles": ["admin"] })).to_string());
    assert_eq!(flaw(&format!("{header}.{richer}.{signature}")), Some(Flaw::Signature));
    let elsewhere = Issuer::other().sign(&Issuer::usual().header().to_string(), &claims(NOW).to_string());
    assert_eq!(flaw(&elsewhere), Some(Flaw::Signature));
}

#[test]
fn a_signature_of_zeros_or_of_another_length_is_refused() {
    let token = token_with(json!({}));
    let (message, _) = token.rsplit_once('.').expect("three parts");
    for length in [1, 16, 255, 256, 257, 512] {
        assert_eq!(flaw(&format!("{message}.{}", common::encode(vec![0; length]))), Some(Flaw::Signature));
    }
}

#[test]
fn a_refusal_repeats_nothing_of_the_token() {
    for attack in [token_with(json!({ "iss": "<script>" })), token_with_header(json!({ "alg": "<script>" }))] {
        let refusal = verify(&attack).expect_err("a refusal");
        assert!(!format!("{refusal} {refusal:?}").contains("script"));
    }
}
