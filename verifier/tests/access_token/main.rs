//! What the verifier accepts and what it refuses. Single tokens are in the table of `tests/corpus`.

mod attacks;
mod claims;
mod corpus;
mod key_sets;
mod limits;
mod properties;
mod remembered;
mod times;

use jeton_verifier::{
    Flaw, KeySet, Refusal, VerifiedToken, Verifier,
    clock::{Clock, ManualClock, Timestamp},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{AUDIENCE, ISSUER, Issuer, claims};

/// When the tests take place.
const NOW: i64 = 1_800_000_000;

fn verifier_at(now: Timestamp) -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, Arc::new(ManualClock::at(now)))
}

fn usual_keys() -> KeySet {
    KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a good key set")
}

fn verify(token: &str) -> Result<VerifiedToken, Refusal> {
    verifier_at(Timestamp::from_secs(NOW)).verify(token, &usual_keys())
}

fn flaw(token: &str) -> Option<Flaw> {
    match verify(token) {
        Err(Refusal::Invalid(flaw)) => Some(flaw),
        _ => None,
    }
}

/// The usual token with some claims changed; `null` takes one away.
fn token_with(changes: Value) -> String {
    Issuer::usual().token_of(&changed(claims(NOW), changes))
}

/// The usual token with some header members changed; `null` takes one away.
fn token_with_header(changes: Value) -> String {
    let issuer = Issuer::usual();
    issuer.sign(&changed(issuer.header(), changes), &claims(NOW))
}

fn changed(mut object: Value, changes: Value) -> Value {
    let members = object.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object of changes") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

#[test]
fn a_good_token_says_who_and_what() {
    assert_eq!(verifier_at(Timestamp::from_secs(NOW)).issuer(), ISSUER);
    let token = verify(&token_with(json!({ "custom": { "plan": "premium" }, "scope": "books:read books:write" })));
    let token = token.expect("a good token");
    assert_eq!(token.subject(), "ada");
    assert_eq!(token.session_id(), "session-1");
    assert_eq!(token.client_id(), "jeton");
    assert_eq!(token.token_id(), "token-1");
    assert_eq!(token.roles(), ["reader"]);
    assert_eq!(token.scope(), "books:read books:write");
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["books:read", "books:write"]);
    assert!(token.has_scope("books:write") && !token.has_scope("books") && !token.has_scope(""));
    assert_eq!(token.custom()["plan"], "premium");
    assert_eq!(token.epoch(), Some(7));
    assert_eq!(token.issued_at(), Timestamp::from_secs(NOW));
    assert_eq!(token.expires_at(), Timestamp::from_secs(NOW + 900));
}
