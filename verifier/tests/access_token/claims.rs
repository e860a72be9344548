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
