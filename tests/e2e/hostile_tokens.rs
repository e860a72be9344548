//! Tokens that are signed with the right key and still wrong, and those that are not (reference/verification.md).

use harness::{
    Stack, assert_problem,
    forge::{self, Issuer},
};
use serde_json::{Value, json};

const URL: &str = "https://issuer.example";

fn without(claim: &str) -> impl FnOnce(&mut Value) {
    move |claims| drop(claims.as_object_mut().expect("claims are an object").remove(claim))
}

#[tokio::test]
async fn a_good_token_is_accepted() {
    let issuer = Issuer::new(URL);
    let stack = Stack::resource_alone(&issuer).await;
    let good = [
        ("as it must be", issuer.token()),
        ("the long form of the type", issuer.with_header(|header| header["typ"] = json!("application/AT+JWT"))),
        ("a list of audiences", issuer.with_claims(|claims| claims["aud"] = json!(["other", "jeton"]))),
        ("unknown claims", issuer.with_claims(|claims| claims["x"] = json!({ "y": [1, null] }))),
        ("unknown headers", issuer.with_header(|header| header["x"] = json!(1))),
        ("just expired", {
            issuer.with_claims(|claims| {
                claims["iat"] = json!(forge::now() - 900);
                claims["exp"] = json!(forge::now() - 1);
            })
        }),
        ("a clock that is a little ahead", issuer.with_claims(|claims| claims["iat"] = json!(forge::now() + 30))),
        ("valid from now", issuer.with_claims(|claims| claims["nbf"] = json!(forge::now()))),
    ];
    for (what, token) in good {
        let answer = stack.resource.whoami_as(&token).await;
        assert_eq!(answer.status, 200, "{what}\n{answer}");
    }
}

#[tokio::test]
async fn a_wrong_header_is_refused() {
    let issuer = Issuer::new(URL);
    let header = |change: fn(&mut Value)| issuer.with_header(change);
    let claims = issuer.claims();
    let twice = r#"{"alg":"RS256","typ":"at+jwt","kid":"x","kid":"KID"}"#.replace("KID", issuer.key_id());
    let hs256 = json!({ "alg": "HS256", "typ": "at+jwt", "kid": issuer.key_id() });
    let modulus = issuer.public_key()["n"].as_str().expect("an RSA key has a modulus").to_owned();
    assert_refused(
        &issuer,
        vec![
            ("no key id", header(|header| drop(header.as_object_mut().unwrap().remove("kid")))),
            ("an empty key id", header(|header| header["kid"] = json!(""))),
            ("an unknown key id", header(|header| header["kid"] = json!("unknown"))),
            ("a key id that is a path", header(|header| header["kid"] = json!("../../etc/passwd"))),
            ("a key id that is a number", header(|header| header["kid"] = json!(1))),
            ("no type", header(|header| drop(header.as_object_mut().unwrap().remove("typ")))),
            ("another type", header(|header| header["typ"] = json!("JWT"))),
            ("a refresh token's type", header(|header| header["typ"] = json!("rt+jwt"))),
            ("critical extensions", header(|header| header["crit"] = json!(["exp"]))),
            ("no critical extensions", header(|header| header["crit"] = json!([]))),
            ("an unencoded payload", header(|header| header["b64"] = json!(false))),
            ("encryption", header(|header| header["enc"] = json!("A256GCM"))),
            ("compression", header(|header| header["zip"] = json!("DEF"))),
            ("no algorithm", header(|header| drop(header.as_object_mut().unwrap().remove("alg")))),
            ("another algorithm's name", header(|header| header["alg"] = json!("RS512"))),
            ("the algorithm in lower case", header(|header| header["alg"] = json!("rs256"))),
            ("a repeated member", issuer.sign_text(&twice, &claims.to_string())),
            ("a header that is a list", issuer.sign_text("[]", &claims.to_string())),
            ("a header that is no JSON", issuer.sign_text("{", &claims.to_string())),
            ("no signature", forge::unsigned(&json!({ "alg": "none", "typ": "at+jwt" }), &claims)),
            ("no signature, with a key id", {
                forge::unsigned(&json!({ "alg": "none", "typ": "at+jwt", "kid": issuer.key_id() }), &claims)
            }),
            ("RS256 without a signature", forge::unsigned(&issuer.header(), &claims)),
            ("the public key as a shared secret", forge::signed_with_secret(&hs256, &claims, modulus.as_bytes())),
            ("an empty shared secret", forge::signed_with_secret(&hs256, &claims, b"")),
        ],
    )
    .await;
}

#[tokio::test]
async fn wrong_claims_are_refused() {
    let issuer = Issuer::new(URL);
    let mut tokens: Vec<(&str, String)> = Vec::new();
    for claim in ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid", "scope", "roles"] {
        tokens.push((claim, issuer.with_claims(without(claim))));
        for wrong in [json!(null), json!(true), json!({}), json!([1])] {
            tokens.push((claim, issuer.with_claims(|claims| claims[claim] = wrong)));
        }
    }
    let claims = |change: fn(&mut Value)| issuer.with_claims(change);
    let text = issuer.claims().to_string();
    let repeated = |more: &str| issuer.sign_text(&issuer.header().to_string(), &text.replacen('{', more, 1));
    tokens.extend([
        ("another issuer", claims(|claims| claims["iss"] = json!("https://issuer.example/"))),
        ("two issuers", claims(|claims| claims["iss"] = json!([URL, "https://evil.example"]))),
        ("another audience", claims(|claims| claims["aud"] = json!("other"))),
        ("no audience in the list", claims(|claims| claims["aud"] = json!([]))),
        ("a part of the audience", claims(|claims| claims["aud"] = json!("jeto"))),
        ("not yet", claims(|claims| claims["nbf"] = json!(forge::now() + 300))),
        ("not a time", claims(|claims| claims["nbf"] = json!("now"))),
        ("issued in the future", claims(|claims| claims["iat"] = json!(forge::now() + 300))),
        ("an endless life", claims(|claims| claims["exp"] = json!(forge::now() + 365 * 86400))),
        ("an absurd end", claims(|claims| claims["exp"] = json!(u64::MAX))),
        ("a proof of possession", claims(|claims| claims["cnf"] = json!({ "jkt": "x" }))),
        ("a repeated subject", repeated(r#"{"sub":"somebody","#)),
        ("repeated roles", repeated(r#"{"roles":["admin"],"#)),
        ("a repeated scope", repeated(r#"{"scope":"users:write","#)),
        ("a list", issuer.sign_text(&issuer.header().to_string(), "[]")),
        ("no JSON", issuer.sign_text(&issuer.header().to_string(), "x")),
        ("nothing", issuer.sign_text(&issuer.header().to_string(), "")),
        ("deep JSON", {
            issuer.sign_text(&issuer.header().to_string(), &format!("{}{}", "[".repeat(2000), "]".repeat(2000)))
        }),
    ]);
    assert_refused(&issuer, tokens).await;
}

#[tokio::test]
async fn an_expired_token_is_called_so() {
    let issuer = Issuer::new(URL);
    let stack = Stack::resource_alone(&issuer).await;
    let now = forge::now();
    let expired = issuer.with_claims(|claims| {
        claims["iat"] = json!(now - 1000);
        claims["exp"] = json!(now - 100);
    });
    assert_problem(&stack.resource.whoami_as(&expired).await, 401, "token_expired");
    let expired_and_forged = forge::with_flipped_signature(&expired);
    assert_problem(&stack.resource.whoami_as(&expired_and_forged).await, 401, "token_invalid");
}

#[tokio::test]
async fn a_damaged_token_is_refused() {
    let issuer = Issuer::new(URL);
    let token = issuer.token();
    let (signed, signature) = token.rsplit_once('.').expect("a token has three parts");
    let evil = Issuer::new(URL);
    let mut stolen_name = evil.header();
    stolen_name["kid"] = issuer.key_id().into();
    let mut own_key = stolen_name.clone();
    own_key["jwk"] = evil.public_key().clone();
    let mut own_url = stolen_name.clone();
    own_url["jku"] = json!("http://127.0.0.1:1/jwks.json");
    assert_refused(
        &issuer,
        vec![
            ("another signature", forge::with_flipped_signature(&token)),
            ("other claims", forge::with_changed_claims(&token, |claims| claims["roles"] = json!(["admin"]))),
            ("a shorter signature", token[..token.len() - 4].to_owned()),
            ("padding", format!("{token}==")),
            ("a fourth part", format!("{token}.x")),
            ("two parts", signed.to_owned()),
            ("spaces", format!("{signed}. {signature}")),
            ("the other alphabet", format!("{signed}.+/{}", &signature[2..])),
            ("a foreign key", evil.token()),
            ("a foreign key under a known name", evil.sign(&stolen_name, &issuer.claims())),
            ("a key in the token", evil.sign(&own_key, &issuer.claims())),
            ("the address of a key in the token", evil.sign(&own_url, &issuer.claims())),
            ("too long", issuer.with_claims(|claims| claims["x"] = json!("y".repeat(8 * 1024)))),
            ("only dots", "..".to_owned()),
        ],
    )
    .await;
}

#[tokio::test]
async fn auth_service_refuses_foreign_access_tokens_too() {
    let stack = Stack::embedded().await;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let evil = Issuer::new(&stack.auth.url());
    let mut header = forge::header_of(&admin.tokens.access);
    let claims = admin.tokens.claims();
    let stolen_name = evil.sign(&header, &claims);
    header["alg"] = json!("none");
    let tokens = [
        evil.sign(&evil.header(), &claims),
        stolen_name,
        forge::unsigned(&header, &claims),
        forge::with_changed_claims(&ada.tokens.access, |claims| claims["sub"] = json!(admin.id)),
    ];
    for token in tokens {
        for path in ["/auth/me", "/admin/users"] {
            assert_problem(&stack.auth.get(path).bearer(&token).send().await, 401, "token_invalid");
        }
    }
}

async fn assert_refused(issuer: &Issuer, tokens: Vec<(&str, String)>) {
    let stack = Stack::resource_alone(issuer).await;
    for (what, token) in tokens {
        let answer = stack.resource.whoami_as(&token).await;
        eprintln!("{what}");
        assert_problem(&answer, 401, "token_invalid");
        assert!(
            !answer.body.contains(token.rsplit('.').next().filter(|part| part.len() > 8).unwrap_or("\0")),
            "{answer}"
        );
    }
}
