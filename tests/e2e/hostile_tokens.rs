//! Tokens that are wrong although the right key signed them, and forged ones: the table of `tests/corpus`, against both
//! services.

use crate::stores;
use auth_service::domain::secrets::{KeyRing, RootSecret};
use aws_lc_rs::rsa::KeyPair;
use harness::{Answer, Http, Stack, assert_problem, forge, storage::random_secret};
use serde_json::json;
use sqlx::{Row as _, query};
use testkit::{
    Issuer,
    corpus::{Good, Row, rows},
};

/// The private key that signs access tokens, which only auth-service has.
async fn signing_key(stack: &Stack, secret: &str) -> Issuer {
    let mut database = stores::open(&stores::database(stack).1).await;
    let row = query("SELECT kid, sealed FROM signing_keys").fetch_one(&mut database).await.expect("a signing key");
    let (kid, sealed): (String, Vec<u8>) = (row.get("kid"), row.get("sealed"));
    let root = RootSecret::parse(secret).unwrap_or_else(|error| panic!("{error}"));
    let der = KeyRing::new(&root, None).open(&kid, &sealed).expect("sealed with this secret");
    Issuer::with_pair(&stack.auth.url(), &kid, KeyPair::from_der(&der).expect("an RSA key"))
}

#[tokio::test]
async fn every_token_of_the_table_is_accepted_or_refused_as_it_says() {
    let secret = random_secret();
    let stack = Stack::any().auth("AUTH_SECRET", &secret).start().await;
    let ada = stack.ada().await;
    let issuer = signing_key(&stack, &secret).await;
    let mut surprises = Vec::new();
    for row in rows() {
        let good = Good { issuer: &issuer, claims: ada.tokens.claims(), now: forge::now() };
        let token = row.token(&good);
        for (service, path) in [(&stack.auth, "/auth/me"), (&stack.resource, "/whoami")] {
            let answer = presented(service, path, &token).await;
            if !is_as_expected(&row, &token, &answer) {
                surprises.push(format!("{path}: {} is not {}\n{answer}", row.name(), row.expect()));
            }
        }
        if let Ok(token) = String::from_utf8(token) {
            let refreshed = stack.auth.refresh(&ada.tokens.with_refresh(&token)).await;
            assert_problem(&refreshed, 401, "invalid_refresh_token");
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}

/// Sends the token as raw bytes: no HTTP client would send some of these.
async fn presented(service: &Http, path: &str, token: &[u8]) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer ");
    service.raw(&[head.as_bytes(), token, b"\r\n\r\n"].concat()).await
}

fn is_as_expected(row: &Row, token: &[u8], answer: &Answer) -> bool {
    let part = token.rsplit(|byte| *byte == b'.').next().and_then(|part| std::str::from_utf8(part).ok());
    let is_repeated = part.is_some_and(|part| part.len() > 8 && answer.body.contains(part));
    let code = match row.expect() {
        "ok" => return answer.status == 200,
        "expired" => "token_expired",
        _ => "token_invalid",
    };
    // An invalid header value does not even reach the guards.
    let is_no_header = token.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') && answer.status == 400;
    !is_repeated && (is_no_header || (answer.status == 401 && answer["code"] == code))
}

#[tokio::test]
async fn access_and_refresh_tokens_are_not_interchangeable() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let swapped = ada.tokens.with_refresh(&ada.tokens.access);
    assert_problem(&stack.auth.refresh(&swapped).await, 401, "invalid_refresh_token");
    for (service, path) in [(&stack.auth, "/auth/me"), (&stack.resource, "/whoami")] {
        let answer = service.get(path).bearer(&ada.tokens.refresh).send().await;
        assert_problem(&answer, 401, "token_invalid");
    }
}

#[tokio::test]
async fn changed_claims_under_an_old_signature_make_nobody_an_admin() {
    let stack = Stack::any().start().await;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let forged = forge::with_changed_claims(&ada.tokens.access, |claims| claims["sub"] = json!(admin.id));
    for path in ["/auth/me", "/admin/users"] {
        assert_problem(&stack.auth.get(path).bearer(&forged).send().await, 401, "token_invalid");
    }
}
