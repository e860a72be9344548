//! Guards that ask for a recent or a strong login (RFC 9470), and the rule behind them.

use super::{NOW, answers};
use jeton_verifier::{
    KeySet, VerifiedToken, Verifier,
    clock::{ManualClock, Timestamp},
    guard::{Level, Rejection, Wanted, sufficient},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{AUDIENCE, ISSUER, Issuer, claims};

/// The token of a reader with these claims too.
fn token(changes: &Value) -> String {
    let mut claims = claims(NOW);
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    Issuer::usual().token_of(&claims)
}

fn verified(changes: &Value) -> VerifiedToken {
    let verifier = Verifier::new(ISSUER, AUDIENCE, Arc::new(ManualClock::at(Timestamp::from_secs(NOW))));
    let keys = KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a good key set");
    verifier.verify(&token(changes), &keys).expect("a good token")
}

/// What is lacking of an age and a level, a number of milliseconds from now.
fn lacking(said: &Value, acr: Option<&str>, max_age: Option<u32>, later: i64) -> Option<Wanted> {
    let acr = acr.map(|acr| Level::parse(acr).expect("a level"));
    let now = Timestamp::from_millis(NOW * 1000 + later);
    match sufficient(&verified(said), &Wanted { acr, max_age }, now) {
        Ok(()) => None,
        Err(Rejection::InsufficientAuthentication(lacking)) => Some(lacking),
        Err(other) => panic!("{other}"),
    }
}

fn age(seconds: u32) -> Option<Wanted> {
    Some(Wanted { acr: None, max_age: Some(seconds) })
}

fn level(level: Level) -> Option<Wanted> {
    Some(Wanted { acr: Some(level), max_age: None })
}

#[test]
fn a_login_is_recent_until_the_very_second_and_no_longer() {
    let said = json!({ "auth_time": NOW });
    assert_eq!(lacking(&said, None, Some(300), 0), None);
    assert_eq!(lacking(&said, None, Some(300), 300_000), None);
    assert_eq!(lacking(&said, None, Some(300), 300_001), age(300));
    assert_eq!(lacking(&said, None, Some(300), 301_000), age(300));
    assert_eq!(lacking(&said, None, Some(0), 0), None);
    assert_eq!(lacking(&said, None, Some(0), 1), age(0));
    assert_eq!(lacking(&json!({ "auth_time": 0 }), None, Some(u32::MAX), 0), None);
}

#[test]
fn a_token_that_does_not_say_when_the_user_logged_in_is_never_recent() {
    for max_age in [0, 300, u32::MAX] {
        assert_eq!(lacking(&json!({ "acr": "phr" }), None, Some(max_age), 0), age(max_age));
    }
    assert_eq!(lacking(&json!({}), None, None, 0), None, "it is good wherever nothing is asked of the login");
}

#[test]
fn a_login_from_the_future_satisfies_nothing_beyond_what_clocks_may_differ() {
    for ahead in [0, 59, 60] {
        let said = json!({ "auth_time": NOW + ahead, "acr": "2" });
        assert_eq!(lacking(&said, Some("2"), Some(300), 0), None, "{ahead}");
    }
    for ahead in [61, 300, 1_000_000_000] {
        let said = json!({ "auth_time": NOW + ahead, "acr": "phr" });
        assert_eq!(lacking(&said, None, Some(300), 0), age(300), "{ahead}");
        assert_eq!(lacking(&said, Some("1"), None, 0), level(Level::ONE_FACTOR), "{ahead}");
        assert_eq!(lacking(&said, None, None, 0), None, "{ahead}: nothing is asked of the login");
    }
}

#[test]
fn a_level_is_satisfied_by_itself_and_those_above() {
    for (held, wanted, is_enough) in [
        (json!("1"), "1", true),
        (json!("1"), "2", false),
        (json!("2"), "1", true),
        (json!("2"), "2", true),
        (json!("2"), "phr", false),
        (json!("phr"), "1", true),
        (json!("phr"), "2", true),
        (json!("phr"), "phr", true),
        (json!("0"), "1", false),
        (json!(" 2"), "2", false),
        (json!("mfa"), "1", false),
        (json!("mfa"), "2", false),
        (json!("mfa"), "mfa", true),
        (json!("phr"), "mfa", false),
    ] {
        let lacking = lacking(&json!({ "acr": held, "auth_time": NOW }), Some(wanted), None, 0);
        assert_eq!(lacking.is_none(), is_enough, "{held} for {wanted}: {lacking:?}");
    }
    assert_eq!(lacking(&json!({}), Some("1"), None, 0), None);
    assert_eq!(lacking(&json!({}), Some("2"), None, 0), level(Level::TWO_FACTORS));
}

#[test]
fn only_what_is_lacking_is_named() {
    let old = json!({ "auth_time": NOW - 301, "acr": "2" });
    assert_eq!(lacking(&old, Some("2"), Some(300), 0), age(300));
    let weak = json!({ "auth_time": NOW - 300, "acr": "1" });
    assert_eq!(lacking(&weak, Some("2"), Some(300), 0), level(Level::TWO_FACTORS));
    let neither = json!({ "auth_time": NOW - 301, "acr": "1" });
    let both = Wanted { acr: Some(Level::TWO_FACTORS), max_age: Some(300) };
    assert_eq!(lacking(&neither, Some("2"), Some(300), 0), Some(both));
}

/// The challenges, or the user's name, of both servers, which answer alike.
fn said(path: &str, said: &Value) -> String {
    let credentials = format!("Bearer {}", token(said));
    let credentials = [credentials.as_str()];
    let mut both = answers(path, &credentials).map(|(server, answer)| {
        if answer.status == 200 {
            return answer.body;
        }
        assert_eq!((answer.status, answer.code().as_str()), (401, "authentication_insufficient"), "{server}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{server}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{server}");
        assert_eq!(answer.header("retry-after"), None, "{server}: trying again changes nothing");
        assert!(answer.body.contains("do not refresh"), "{server}: {}", answer.body);
        let challenge = answer.header("www-authenticate").expect("a challenge");
        let always = r#"Bearer realm="jeton", error="insufficient_user_authentication", error_description="the user has to authenticate again""#;
        challenge.strip_prefix(always).unwrap_or_else(|| panic!("{server}: {challenge}")).to_owned()
    });
    let (first, second) = (both.next().expect("actix"), both.next().expect("axum"));
    assert_eq!(first, second, "{path}");
    first
}

#[test]
fn a_recent_guard_lets_in_who_has_just_authenticated_and_challenges_everybody_else() {
    assert_eq!(said("/recent", &json!({ "auth_time": NOW - 300 })), "ada");
    assert_eq!(said("/recent", &json!({ "auth_time": NOW - 300, "acr": "mfa" })), "ada", "any level will do");
    for old in [json!({ "auth_time": NOW - 301 }), json!({ "auth_time": NOW + 61 }), json!({ "acr": "phr" }), json!({})]
    {
        assert_eq!(said("/recent", &old), r#", max_age="300""#, "{old}");
    }
}

#[test]
fn an_assured_guard_lets_in_who_has_its_level_at_any_age() {
    for strong in [json!({ "acr": "2", "auth_time": 0 }), json!({ "acr": "phr" })] {
        assert_eq!(said("/surely", &strong), "ada", "{strong}");
    }
    for weak in
        [json!({ "acr": "1" }), json!({ "acr": "0" }), json!({ "acr": "mfa" }), json!({ "acr": " 2" }), json!({})]
    {
        assert_eq!(said("/surely", &weak), r#", acr_values="2 phr""#, "{weak}");
    }
    assert_eq!(said("/gold", &json!({ "acr": "urn:bank:gold" })), "ada");
    assert_eq!(said("/gold", &json!({ "acr": "phr" })), r#", acr_values="urn:bank:gold""#);
}

#[test]
fn a_level_and_an_age_can_be_asked_for_at_once() {
    assert_eq!(said("/surely/lately", &json!({ "acr": "phr", "auth_time": NOW - 60 })), "ada");
    assert_eq!(said("/surely/lately", &json!({ "acr": "phr", "auth_time": NOW - 61 })), r#", max_age="60""#);
    assert_eq!(said("/surely/lately", &json!({ "acr": "2", "auth_time": NOW })), r#", acr_values="phr""#);
    assert_eq!(said("/surely/lately", &json!({})), r#", acr_values="phr", max_age="60""#);
}

#[test]
fn a_scope_that_is_missing_and_a_feed_that_is_stale_come_first_since_no_login_would_help() {
    for (server, answer) in answers("/recent/author", &[&format!("Bearer {}", token(&json!({})))]) {
        assert_eq!((answer.status, answer.code().as_str()), (403, "insufficient_scope"), "{server}");
    }
    let author = json!({ "scope": "books:write", "auth_time": NOW });
    assert_eq!(said("/recent/author", &author), "ada");
    for (server, answer) in answers("/stale/recent/author", &[&format!("Bearer {}", token(&author))]) {
        assert_eq!((answer.status, answer.code().as_str()), (503, "revocations_stale"), "{server}");
    }
    for (server, answer) in answers("/recent", &["Bearer a.b.c"]) {
        assert_eq!((answer.status, answer.code().as_str()), (401, "token_invalid"), "{server}");
    }
}
