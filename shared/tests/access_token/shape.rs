//! The compact form: three parts, one spelling, a bound on size and depth.

use super::*;

fn parts(token: &str) -> [String; 3] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("three parts")
}

#[test]
fn a_token_has_exactly_three_parts_and_none_is_empty() {
    let token = token_with(json!({}));
    let [header, payload, signature] = parts(&token);
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        header.clone(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
    ] {
        assert_eq!(flaw(&text), Some(Flaw::Shape), "{text}");
    }
}

#[test]
fn padding_blanks_line_ends_and_the_other_alphabet_are_refused_in_every_part() {
    let token = token_with(json!({}));
    for at in 0..3 {
        for foreign in ["=", "==", " ", "\n", "\t", "+", "/", "%", "ä", "\0"] {
            let mut parts = parts(&token);
            parts[at].push_str(foreign);
            assert_eq!(flaw(&parts.join(".")), Some(Flaw::Shape), "{foreign:?} in part {at}");
        }
    }
}

#[test]
fn there_is_one_spelling_of_a_signature() {
    let token = token_with(json!({}));
    // 256 bytes are 341 characters and a third: the last character carries two bits and four zeros.
    let last = token.chars().last().expect("a last character");
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).expect("base64url");
    let sibling = alphabet.as_bytes()[value + 1] as char;
    let respelt = format!("{}{sibling}", &token[..token.len() - 1]);
    assert_eq!(flaw(&respelt), Some(Flaw::Signature));
    assert!(verify(&token).is_ok());
}

#[test]
fn there_is_one_spelling_of_a_header() {
    let issuer = Issuer::usual();
    // One byte more than a multiple of three leaves trailing bits, which must be zero.
    let mut header = issuer.header().to_string();
    while header.len() % 3 != 1 {
        header.push(' ');
    }
    let encoded = common::encode(&header);
    let respelt = format!("{}R", &encoded[..encoded.len() - 1]);
    assert_ne!(encoded, respelt);
    let message = format!("{respelt}.{}", common::encode(claims(NOW).to_string()));
    let token = format!("{message}.{}", common::encode(issuer.signature(&message)));
    assert_eq!(flaw(&token), Some(Flaw::Shape));
}

#[test]
fn a_token_of_more_than_eight_kibibytes_is_not_looked_at() {
    let padded = |length: usize| {
        let token = token_with(json!({ "pad": "" }));
        let room = (length - token.len()) / 4 * 3;
        token_with(json!({ "pad": "x".repeat(room) }))
    };
    let fits = padded(8192);
    assert!(fits.len() <= 8192 && fits.len() > 8180);
    assert!(verify(&fits).is_ok());
    assert_eq!(flaw(&padded(8200)), Some(Flaw::TooLong));
    assert_eq!(flaw(&"a".repeat(10_000_000)), Some(Flaw::TooLong));
}

#[test]
fn deep_json_is_refused_without_harm() {
    let issuer = Issuer::usual();
    let deep = format!("{}{}", "[".repeat(2500), "]".repeat(2500));
    let usual = claims(NOW).to_string();
    let claims = format!("{{\"x\":{deep},{}", &usual[1..]);
    assert_eq!(flaw(&issuer.sign(&issuer.header().to_string(), &claims)), Some(Flaw::Claims));
    let header = format!("{{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"first\",\"x\":{deep}}}");
    assert_eq!(flaw(&issuer.sign(&header, &usual)), Some(Flaw::Header));
}

#[test]
fn a_number_beyond_all_bounds_is_refused_without_harm() {
    let issuer = Issuer::usual();
    let usual = claims(NOW).to_string();
    for number in ["1e999", "-1e999", &"9".repeat(400)] {
        let claims = usual.replacen("1800000900", number, 1);
        assert!(flaw(&issuer.sign(&issuer.header().to_string(), &claims)).is_some(), "{number}");
    }
}
