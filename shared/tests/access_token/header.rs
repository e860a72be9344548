//! Headers: one algorithm, one type, one name of a key, nothing that changes what the token means.

use super::*;

#[test]
fn whatever_asks_for_other_processing_is_refused() {
    for extension in [
        json!({ "crit": ["x"], "x": 1 }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": [] }),
        json!({ "b64": true }),
        json!({ "enc": "A256GCM" }),
        json!({ "zip": "DEF" }),
    ] {
        assert_eq!(flaw(&token_with_header(extension.clone())), Some(Flaw::Extension), "{extension}");
    }
}

#[test]
fn only_an_access_token_is_an_access_token() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert!(verify(&token_with_header(json!({ "typ": typ }))).is_ok(), "{typ}");
    }
    for typ in
        ["JWT", "logout+jwt", "secevent+jwt", "rt+jwt", "at+jwt ", "", "text/at+jwt", "application/application/at+jwt"]
    {
        assert_eq!(flaw(&token_with_header(json!({ "typ": typ }))), Some(Flaw::Type), "{typ}");
    }
    for typ in [json!(null), json!(1), json!(["at+jwt"])] {
        assert_eq!(flaw(&token_with_header(json!({ "typ": typ }))), Some(Flaw::Type), "{typ}");
    }
}

#[test]
fn the_algorithm_is_rs256_to_the_letter() {
    for alg in
        [json!("none"), json!("rs256"), json!("RS384"), json!("PS256"), json!("HS256"), json!(null), json!(["RS256"])]
    {
        assert_eq!(flaw(&token_with_header(json!({ "alg": alg }))), Some(Flaw::Algorithm), "{alg}");
    }
}

#[test]
fn the_key_is_named_by_a_short_string() {
    for kid in [json!(null), json!(""), json!(1), json!("k".repeat(129))] {
        assert_eq!(flaw(&token_with_header(json!({ "kid": kid }))), Some(Flaw::KeyId), "{kid}");
    }
}

#[test]
fn a_repeated_header_member_is_refused() {
    let issuer = Issuer::usual();
    for header in [
        r#"{"alg":"RS256","typ":"at+jwt","kid":"first","alg":"RS256"}"#,
        r#"{"alg":"none","\u0061lg":"RS256","typ":"at+jwt","kid":"first"}"#,
        r#"{"alg":"RS256","typ":"at+jwt","kid":"first","x":1,"x":1}"#,
    ] {
        assert_eq!(flaw(&issuer.sign(header, &claims(NOW).to_string())), Some(Flaw::Header), "{header}");
    }
}

#[test]
fn unknown_header_members_are_ignored() {
    assert!(verify(&token_with_header(json!({ "cty": "x", "vnd": { "a": 1 } }))).is_ok());
}

#[test]
fn a_key_that_is_not_in_the_set_is_worth_a_fetch_only_if_all_else_is_in_order() {
    let other = Issuer::other();
    assert_eq!(verify(&other.token(&claims(NOW))).err(), Some(Refusal::UnknownKey));
    let elsewhere = changed(claims(NOW), json!({ "aud": "mail" }));
    assert_eq!(verify(&other.token(&elsewhere)).err(), Some(Refusal::Invalid(Flaw::Audience)));
    assert_eq!(verify(&other.token(&claims(NOW - 3000))).err(), Some(Refusal::Expired));
}
