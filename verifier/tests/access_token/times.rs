//! Times, on the injected clock.

use super::*;

#[test]
fn a_token_is_refused_at_the_second_of_its_expiry_and_the_leeway() {
    let token = token_with(json!({}));
    let at = |millis: i64| verifier_at(Timestamp::from_millis(millis)).verify(&token, &usual_keys()).err();
    let expiry = (NOW + 900) * 1000;
    assert_eq!(at(expiry + 4_999), None);
    assert_eq!(at(expiry + 5_000), Some(Refusal::Expired));
}

#[test]
fn a_token_from_the_near_future_is_accepted_and_one_from_further_ahead_is_not() {
    let issued_in = |seconds: i64| flaw(&token_with(json!({ "iat": NOW + seconds, "exp": NOW + seconds + 900 })));
    assert_eq!(issued_in(60), None);
    assert_eq!(issued_in(61), Some(Flaw::NotYetValid));
    let begins_in = |seconds: i64| flaw(&token_with(json!({ "nbf": NOW + seconds })));
    assert_eq!(begins_in(60), None);
    assert_eq!(begins_in(61), Some(Flaw::NotYetValid));
}

#[test]
fn a_lifetime_of_more_than_an_hour_is_refused() {
    assert!(verify(&token_with(json!({ "exp": NOW + 3600 }))).is_ok());
    assert_eq!(flaw(&token_with(json!({ "exp": NOW + 3601 }))), Some(Flaw::Lifetime));
    assert_eq!(flaw(&token_with(json!({ "exp": i64::MAX }))), Some(Flaw::Lifetime));
    assert_eq!(flaw(&token_with(json!({ "iat": i64::MIN, "exp": i64::MAX }))), Some(Flaw::Lifetime));
}

#[test]
fn a_token_that_expires_before_it_was_issued_is_invalid_and_not_merely_expired() {
    assert_eq!(flaw(&token_with(json!({ "exp": NOW - 10 }))), Some(Flaw::Lifetime));
    assert_eq!(flaw(&token_with(json!({ "exp": NOW }))), Some(Flaw::Lifetime));
}

#[test]
fn only_a_token_that_was_good_is_called_expired() {
    let old = claims(NOW - 3000);
    assert_eq!(verify(&Issuer::usual().token_of(&old)).err(), Some(Refusal::Expired));
    let mut forged = Issuer::usual().token_of(&old);
    forged.truncate(forged.len() - 4);
    assert_eq!(flaw(&(forged + "AAAA")), Some(Flaw::Signature));
    assert_eq!(flaw(&Issuer::usual().token_of(&changed(old, json!({ "aud": "mail" })))), Some(Flaw::Audience));
}
