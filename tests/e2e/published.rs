//! What everybody may read: keys, metadata, health; and the shape of an access token.

use harness::{Stack, assert_problem, eventually, forge};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_key_set_holds_public_keys_named_by_their_thumbprints() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let answer = stack.auth.key_set().await.expect(200);
    let keys = answer["keys"].as_array().expect("a list");
    assert!(!keys.is_empty(), "{answer}");
    for key in keys {
        assert_eq!(
            (&key["kty"], &key["use"], &key["alg"]),
            (&json!("RSA"), &json!("sig"), &json!("RS256")),
            "{answer}"
        );
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key[private].is_null(), "{answer}");
        }
        let parsed: Jwk = serde_json::from_value(key.clone()).expect("a JWK");
        let thumbprint = parsed.thumbprint(ThumbprintHash::SHA256).expect("an RSA key has one");
        assert_eq!(key["kid"], thumbprint, "RFC 7638\n{answer}");
    }
    let header = forge::header_of(&ada.tokens.access);
    assert!(keys.iter().any(|key| key["kid"] == header["kid"]), "{header} in {answer}");
}

#[tokio::test]
async fn the_key_set_may_be_cached_and_revalidated() {
    let stack = Stack::any().start().await;
    let answer = stack.auth.key_set().await.expect(200);
    let tag = answer.header("etag").to_owned();
    assert!(tag.starts_with('"'), "a strong tag\n{answer}");
    let cache = answer.header("cache-control");
    let max_age = cache.split("max-age=").nth(1).and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
    assert!(max_age.is_some_and(|seconds| (1..=300).contains(&seconds)), "{answer}");
    let same = stack.auth.get("/.well-known/jwks.json").header("if-none-match", &tag).send().await;
    assert_eq!((same.status, same.body.as_str()), (304, ""), "{same}");
    let other = stack.auth.get("/.well-known/jwks.json").header("if-none-match", "\"other\"").send().await;
    assert_eq!(other.status, 200, "{other}");
}

#[tokio::test]
async fn the_metadata_say_where_the_keys_are() {
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", "https://auth.example").start().await;
    let metadata = stack.auth.get("/.well-known/oauth-authorization-server").send().await.expect(200);
    assert_eq!(metadata.header("content-type"), "application/json", "{metadata}");
    assert_eq!(metadata["issuer"], "https://auth.example", "{metadata}");
    assert_eq!(metadata["jwks_uri"], "https://auth.example/.well-known/jwks.json", "{metadata}");
    assert!(metadata["response_types_supported"].is_array(), "required by RFC 8414\n{metadata}");
}

#[tokio::test]
async fn an_access_token_follows_the_profile() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let header = forge::header_of(&ada.tokens.access);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("at+jwt")), "{header}");
    let claims = ada.tokens.claims();
    assert_eq!(claims["iss"], stack.auth.url(), "{claims}");
    assert_eq!((&claims["sub"], &claims["sid"]), (&json!(ada.id), &json!(ada.tokens.session_id)), "{claims}");
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!("jeton"), &json!("jeton")), "{claims}");
    assert_eq!((&claims["scope"], &claims["roles"]), (&json!("books:read"), &json!(["reader"])), "{claims}");
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|issued| issued + 900), "{claims}");
    assert!(claims["jti"].as_str().is_some_and(|id| id.len() >= 16), "{claims}");
    assert_eq!(claims["email"], json!(null), "no more than needed\n{claims}");

    let refresh = forge::header_of(&ada.tokens.refresh);
    assert_eq!((&refresh["alg"], &refresh["typ"]), (&json!("HS256"), &json!("rt+jwt")), "{refresh}");
}

#[tokio::test]
async fn tokens_follow_their_settings() {
    let stack = Stack::any()
        .auth("AUTH_AUDIENCE", "library")
        .auth("AUTH_CLIENT_ID", "reading-room")
        .auth("AUTH_ACCESS_TTL", "30m")
        .resource("RESOURCE_AUDIENCE", "library")
        .start()
        .await;
    let ada = stack.ada().await;
    let claims = ada.tokens.claims();
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!("library"), &json!("reading-room")), "{claims}");
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|issued| issued + 1800), "{claims}");
    assert_eq!(stack.resource.whoami(&ada.tokens).await.expect(200)["client_id"], "reading-room");
    let (refresh, day) = (ada.tokens.refresh_claims(), 24 * 60 * 60);
    assert_eq!(refresh["exp"].as_i64(), refresh["iat"].as_i64().map(|issued| issued + 7 * day), "{refresh}");
}

#[tokio::test]
async fn an_expired_token_has_its_own_code_and_a_refresh_helps() {
    let stack = Stack::any().auth("AUTH_ACCESS_TTL", "1s").start().await;
    let mut ada = stack.ada().await;
    for service in [&stack.resource, &stack.auth] {
        let path = if service.port() == stack.auth.port() { "/auth/me" } else { "/whoami" };
        let expired = eventually("the token has expired", Duration::from_secs(15), || async {
            let answer = service.get(path).bearer(&ada.tokens.access).send().await;
            (answer.status == 401).then_some(answer)
        })
        .await;
        assert_problem(&expired, 401, "token_expired");
        let challenge = expired.header("www-authenticate");
        assert!(challenge.contains(r#"error="invalid_token", error_description="token expired""#), "{expired}");
    }
    ada.refresh().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
}

#[tokio::test]
async fn health_is_for_operators_and_the_api_is_for_clients() {
    let stack = Stack::any().start().await;
    for (service, path) in [(&stack.auth, "/.well-known/jwks.json"), (&stack.resource, "/books")] {
        for health in ["/health/live", "/health/ready"] {
            service.admin_address().get(health).send().await.expect(200);
            assert_problem(&service.get(health).send().await, 404, "not_found");
        }
        assert_problem(&service.admin_address().get(path).send().await, 404, "not_found");
    }
}
