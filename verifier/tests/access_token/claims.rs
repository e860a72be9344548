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
