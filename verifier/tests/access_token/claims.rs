//! What the claims of a good token come to, where it is more than being taken.

use super::*;

#[test]
fn no_scope_at_all_is_a_good_token_that_may_do_nothing() {
    let token = verify(&token_with(json!({ "scope": "", "roles": [] }))).expect("a good token");
    assert_eq!(token.scopes().count(), 0);
    assert!(!token.has_scope(""));
}

#[test]
fn what_only_auth_service_reads_may_be_absent() {
    let token = verify(&token_with(json!({ "epoch": null, "custom": null }))).expect("a good token");
    assert!(token.epoch().is_none() && token.custom().is_empty());
}
