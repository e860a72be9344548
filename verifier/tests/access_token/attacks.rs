//! Attacks that are not single tokens, and so not in the table.

use super::*;

#[test]
fn changed_claims_need_another_signature() {
    let token = token_with(json!({}));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let richer = testkit::encoded(changed(claims(NOW), json!({ "roles": ["admin"] })).to_string());
    assert_eq!(flaw(&format!("{header}.{richer}.{signature}")), Some(Flaw::Signature));
}

#[test]
fn a_token_of_ten_megabytes_is_refused_by_its_length() {
    assert_eq!(flaw(&"a".repeat(10_000_000)), Some(Flaw::TooLong));
}

#[test]
fn a_token_of_eight_kibibytes_is_accepted_and_a_longer_one_is_not() {
    let padded = |length: usize| {
        let token = token_with(json!({ "pad": "" }));
        let room = (length - token.len()) / 4 * 3;
        token_with(json!({ "pad": "x".repeat(room) }))
    };
    let fits = padded(8192);
    assert!(fits.len() <= 8192 && fits.len() > 8180);
    assert!(verify(&fits).is_ok());
    assert_eq!(flaw(&padded(8200)), Some(Flaw::TooLong));
}

#[test]
fn a_key_that_is_not_in_the_set_is_worth_a_fetch_only_if_everything_else_is_in_order() {
    let other = Issuer::other();
    assert_eq!(verify(&other.token_of(&claims(NOW))).err(), Some(Refusal::UnknownKey));
    let elsewhere = changed(claims(NOW), json!({ "aud": "mail" }));
    assert_eq!(verify(&other.token_of(&elsewhere)).err(), Some(Refusal::Invalid(Flaw::Audience)));
    let old = verify(&other.token_of(&claims(NOW - 3000))).err();
    assert_eq!(old, Some(Refusal::Invalid(Flaw::UnknownKey)), "nobody has verified that it was ever good");
}

#[test]
fn a_refusal_repeats_nothing_of_the_token() {
    let issuer = Issuer::usual();
    let odd_header = changed(issuer.header(), json!({ "alg": "<script>" }));
    for attack in [token_with(json!({ "iss": "<script>" })), issuer.sign(&odd_header, &claims(NOW))] {
        let refusal = verify(&attack).expect_err("a refusal");
        assert!(!format!("{refusal} {refusal:?}").contains("script"));
    }
}
