//! Tokens that were verified before: remembered, and still checked at each use.

use super::*;
use std::time::Duration;

/// A verifier that has seen the usual token, its clock, and the token.
fn after_first_use() -> (Verifier, ManualClock, String) {
    let clock = ManualClock::at(Timestamp::from_secs(NOW));
    let verifier = Verifier::new(ISSUER, AUDIENCE, Arc::new(clock.clone()));
    let token = token_with(json!({}));
    assert!(verifier.verify(&token, &usual_keys()).is_ok());
    (verifier, clock, token)
}

#[test]
fn a_remembered_token_says_the_same_again() {
    let (verifier, _, token) = after_first_use();
    let again = verifier.verify(&token, &usual_keys()).expect("a good token");
    assert_eq!((again.subject(), again.token_id()), ("ada", "token-1"));
}

#[test]
fn a_remembered_token_expires_like_any_other() {
    let (verifier, clock, token) = after_first_use();
    clock.advance(Duration::from_secs(904));
    assert!(verifier.verify(&token, &usual_keys()).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(verifier.verify(&token, &usual_keys()).err(), Some(Refusal::Expired));
}

#[test]
fn a_remembered_token_is_refused_once_its_key_has_gone() {
    let (verifier, _, token) = after_first_use();
    let without = KeySet::from_jwks(Issuer::other().key_set().to_string().as_bytes()).expect("a good key set");
    assert_eq!(verifier.verify(&token, &without).err(), Some(Refusal::UnknownKey));
}

#[test]
fn a_remembered_token_is_refused_once_another_key_has_taken_the_name_of_its_own() {
    let (verifier, _, token) = after_first_use();
    let namesake = changed(Issuer::other().public_key().clone(), json!({ "kid": "first" }));
    let keys = KeySet::from_jwks(json!({ "keys": [namesake] }).to_string().as_bytes()).expect("a good key set");
    assert_eq!(verifier.verify(&token, &keys).err(), Some(Refusal::Invalid(Flaw::Signature)));
}

#[test]
fn every_byte_of_a_remembered_token_still_counts() {
    let (verifier, _, token) = after_first_use();
    for at in [0, token.len() / 2, token.len() - 10] {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("ASCII");
        assert!(verifier.verify(&forged, &usual_keys()).is_err(), "byte {at}");
    }
    assert!(verifier.verify(&format!("{token} "), &usual_keys()).is_err());
}
