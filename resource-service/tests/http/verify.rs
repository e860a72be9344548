//! `/verify`: a verdict, and nothing else.

use super::*;
use actix_web::http::Method;

async fn verdict(service: &Service, query: &str, token: &str) -> Answer {
    service.get(&format!("/verify{query}"), token).await
}

#[actix_web::test]
async fn a_good_token_is_described_in_headers() {
    let service = Service::start().await;
    let answer = verdict(&service, "", &author()).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.header("x-auth-subject"), "ada");
    assert_eq!(answer.header("x-auth-session"), "session-1");
    assert_eq!(answer.header("x-auth-roles"), "reader");
    assert_eq!(answer.header("x-auth-scopes"), "books:read books:write");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[actix_web::test]
async fn one_scope_or_several_can_be_required() {
    let service = Service::start().await;
    assert_eq!(verdict(&service, "?scope=books:read", &reader()).await.status, StatusCode::OK);
    assert_eq!(verdict(&service, "?scope=books%3Aread+books%3Awrite", &author()).await.status, StatusCode::OK);
    let answer = verdict(&service, "?scope=books:read+books:write", &reader()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "insufficient_scope"));
    let challenge = r#"Bearer realm="jeton", error="insufficient_scope", scope="books:write""#;
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[actix_web::test]
async fn an_unsupported_query_lets_nobody_in() {
    let service = Service::start().await;
    for query in ["?scope=", "?scope=a&scope=b", "?scop=books:write", "?scope=%22", "?scope=%FF", "?x=1", "?scope=a++b"]
    {
        let answer = verdict(&service, query, &author()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "invalid_query"), "{query}");
        assert_eq!(
            service.ask(TestRequest::get().uri(&format!("/verify{query}"))).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
}

#[actix_web::test]
async fn every_method_gets_the_same_verdict() {
    let service = Service::start().await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]
    {
        let request = || TestRequest::default().method(method.clone()).uri("/verify");
        assert_eq!(service.ask(bearer(request(), &reader())).await.status, StatusCode::OK, "{method}");
        assert_eq!(service.ask(request()).await.status, StatusCode::UNAUTHORIZED, "{method}");
    }
}

#[actix_web::test]
async fn an_outage_is_neither_a_logout_nor_a_server_error() {
    let service = Service::start_with(None, &[]).await;
    let answer = verdict(&service, "", &reader()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "unavailable"));
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="jeton""#);
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[actix_web::test]
async fn an_oversized_request_head_is_refused_for_what_it_is_and_not_as_an_outage() {
    let service = Service::start().await;
    let cookie = || ("cookie", format!("other={}", "x".repeat(17_000)));
    let oversized = [
        bearer(TestRequest::get().uri("/verify").insert_header(cookie()), &reader()),
        bearer(TestRequest::get().uri("/verify"), &"x".repeat(20_000)),
        TestRequest::get().uri("/verify").insert_header(cookie()),
    ];
    for request in oversized {
        let answer = service.ask(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "headers_too_large"));
        assert!(!answer.headers.contains_key("retry-after") && !answer.body.contains("try again"), "{}", answer.body);
    }
    let answer = service.get("/whoami", &"x".repeat(20_000)).await;
    assert_eq!(answer.code(), "headers_too_large");
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[actix_web::test]
async fn no_name_can_break_out_of_its_header_or_become_two_roles() {
    let service = Service::start().await;
    let answer =
        verdict(&service, "", &token_with("roles", json!(["reader,admin", "éditeur", "a b", "a\r\nb", "%2C"]))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-auth-roles"), "reader%2Cadmin,%C3%A9diteur,a%20b,a%0D%0Ab,%252C");
    let answer = verdict(&service, "", &token_with("sub", json!("Ada Lovelace"))).await;
    assert_eq!(answer.header("x-auth-subject"), "Ada%20Lovelace");
}

#[actix_web::test]
async fn what_the_client_claims_to_be_is_not_passed_on() {
    let service = Service::start().await;
    let request = TestRequest::get().uri("/verify").insert_header(("X-Auth-Subject", "root"));
    let answer = service.ask(request).await;
    assert!(!answer.headers.contains_key("x-auth-subject"));
}
