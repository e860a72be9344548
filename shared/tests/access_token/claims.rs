//! Claims: all of them, of the right type, from the right issuer, for us.

use super::*;

#[test]
fn every_required_claim_must_be_there_and_of_the_right_type() {
    for claim in ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid", "scope", "roles"] {
        assert_eq!(flaw(&token_with(json!({ claim: null }))), Some(Flaw::Claim(claim)), "without {claim}");
        for wrong in [json!(true), json!({}), json!([1])] {
            assert_eq!(flaw(&token_with(json!({ claim: wrong }))), Some(Flaw::Claim(claim)), "{claim}: {wrong}");
        }
    }
    for name in ["sub", "client_id", "jti", "sid"] {
        assert_eq!(flaw(&token_with(json!({ name: "" }))), Some(Flaw::Claim(name)));
    }
}

#[test]
fn numbers_in_the_place_of_aud_and_iss_are_refused() {
    assert_eq!(flaw(&token_with(json!({ "aud": 42 }))), Some(Flaw::Claim("aud")));
    assert_eq!(flaw(&token_with(json!({ "iss": 7 }))), Some(Flaw::Claim("iss")));
}

#[test]
fn the_issuer_is_one_string_and_equal_to_the_byte() {
    assert_eq!(flaw(&token_with(json!({ "iss": ["https://evil.test", ISSUER] }))), Some(Flaw::Claim("iss")));
    for other in ["https://auth.test/", "https://AUTH.test", "https://evil.test", ""] {
        assert_eq!(flaw(&token_with(json!({ "iss": other }))), Some(Flaw::Issuer), "{other}");
    }
}

#[test]
fn the_audience_is_a_string_or_a_list_that_names_us() {
    assert!(verify(&token_with(json!({ "aud": ["mail", AUDIENCE] }))).is_ok());
    for other in [json!("mail"), json!("JETON"), json!(["mail"]), json!([]), json!("")] {
        assert_eq!(flaw(&token_with(json!({ "aud": other }))), Some(Flaw::Audience), "{other}");
    }
    assert_eq!(flaw(&token_with(json!({ "aud": [AUDIENCE, 1] }))), Some(Flaw::Claim("aud")));
}

#[test]
fn a_repeated_claim_is_refused_known_or_not_and_however_it_is_spelt() {
    let usual = claims(NOW).to_string();
    let body = usual.strip_prefix('{').expect("an object");
    for twice in
        [r#""sub":"eve","#, r#""sub":"ada","#, r#""\u0073ub":"eve","#, r#""x":1,"x":2,"#, r#""roles":["admin"],"#]
    {
        let issuer = Issuer::usual();
        let token = issuer.sign(&issuer.header().to_string(), &format!("{{{twice}{body}"));
        assert_eq!(flaw(&token), Some(Flaw::Claims), "{twice}");
    }
}

#[test]
fn unknown_claims_are_ignored() {
    assert!(verify(&token_with(json!({ "acr": "2", "nonce": [1, 2], "$": {} }))).is_ok());
}

#[test]
fn a_token_bound_to_a_key_of_its_holder_is_not_a_bearer_token() {
    assert_eq!(flaw(&token_with(json!({ "cnf": { "jkt": "x" } }))), Some(Flaw::ProofOfPossession));
}

#[test]
fn optional_claims_must_still_be_of_the_right_type() {
    for epoch in [json!("7"), json!(7.5), json!([7])] {
        assert_eq!(flaw(&token_with(json!({ "epoch": epoch }))), Some(Flaw::Claim("epoch")));
    }
    for custom in [json!("premium"), json!([])] {
        assert_eq!(flaw(&token_with(json!({ "custom": custom }))), Some(Flaw::Claim("custom")));
    }
    let token = verify(&token_with(json!({ "epoch": null, "custom": null }))).expect("a good token");
    assert!(token.epoch().is_none() && token.custom().is_empty());
}

#[test]
fn names_and_scopes_hold_no_control_characters() {
    for claim in ["sub", "sid", "jti", "client_id", "scope"] {
        assert_eq!(flaw(&token_with(json!({ claim: "a\r\nX-Auth-Roles: admin" }))), Some(Flaw::Claim(claim)));
    }
}

#[test]
fn no_scope_at_all_is_a_good_token_that_may_do_nothing() {
    let token = verify(&token_with(json!({ "scope": "", "roles": [] }))).expect("a good token");
    assert_eq!(token.scopes().count(), 0);
    assert!(!token.has_scope(""));
}

#[test]
fn claims_that_are_no_object_are_refused() {
    let issuer = Issuer::usual();
    for text in [" ", "null", "[]", "\"{}\"", "{", "{}{}", "\u{feff}{}", "{\"sub\":\"\\ud800\"}", "{'sub':1}"] {
        assert_eq!(flaw(&issuer.sign(&issuer.header().to_string(), text)), Some(Flaw::Claims), "{text}");
    }
}
