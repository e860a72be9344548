//! What follows from the claims of a good token, besides its being accepted.

use super::*;

#[test]
fn a_good_token_without_scopes_grants_nothing() {
    let token = verify(&token_with(json!({ "scope": "", "roles": [] }))).expect("a good token");
    assert_eq!(token.scopes().count(), 0);
    assert!(!token.has_scope(""));
}

#[test]
fn claims_that_not_every_issuer_writes_may_be_absent() {
    let token = verify(&token_with(json!({ "epoch": null, "custom": null }))).expect("a good token");
    assert!(token.epoch().is_none() && token.custom().is_empty());
}

#[test]
fn the_revision_of_the_rights_is_an_integer_or_absent() {
    let revision = |rev: Value| verify(&token_with(json!({ "rev": rev }))).map(|token| token.rights_revision());
    assert_eq!(revision(json!(3)), Ok(Some(3)));
    assert_eq!(revision(Value::Null), Ok(None));
    for wrong in [json!("3"), json!(3.5), json!([3])] {
        assert_eq!(revision(wrong.clone()), Err(Refusal::Invalid(Flaw::Claim("rev"))), "{wrong}");
    }
}

#[test]
fn when_and_how_the_user_logged_in_is_read_or_absent() {
    let token = verify(&token_with(json!({ "auth_time": NOW - 60, "amr": ["pwd", "otp"], "acr": "2" }))).expect("good");
    assert_eq!(token.authenticated_at(), Some(Timestamp::from_secs(NOW - 60)));
    assert_eq!((token.methods(), token.acr()), (&["pwd".to_owned(), "otp".to_owned()][..], Some("2")));
    let silent = verify(&token_with(json!({}))).expect("a good token");
    assert_eq!((silent.authenticated_at(), silent.methods().len(), silent.acr()), (None, 0, None));
}

#[test]
fn an_auth_time_that_no_calendar_shows_is_refused_and_one_in_the_future_is_left_to_those_who_ask() {
    let read = |secs: i64| verify(&token_with(json!({ "auth_time": secs }))).map(|token| token.authenticated_at());
    for good in [0, NOW + 1_000_000, 253_402_300_799] {
        assert_eq!(read(good), Ok(Some(Timestamp::from_secs(good))));
    }
    for absurd in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
        assert_eq!(read(absurd), Err(Refusal::Invalid(Flaw::Claim("auth_time"))), "{absurd}");
    }
}
