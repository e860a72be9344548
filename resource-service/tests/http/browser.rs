//! What pages of other origins may do.

use super::*;
use actix_web::http::Method;

const PAGE: &str = "https://app.test";

fn preflight(origin: &str) -> TestRequest {
    TestRequest::default()
        .method(Method::OPTIONS)
        .uri("/books")
        .insert_header((header::ORIGIN, origin))
        .insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "POST"))
        .insert_header((header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type"))
}

#[actix_web::test]
async fn an_allowed_page_may_call_and_read_what_it_needs() {
    let service = Service::start_with(Some(Issuer::usual().key_set().to_string()), &[PAGE]).await;
    let answer = service.ask(preflight(PAGE)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    for token in [reader(), "a.b.c".to_owned()] {
        let request = bearer(TestRequest::get().uri("/books"), &token).insert_header((header::ORIGIN, PAGE));
        let answer = service.ask(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        let exposed = answer.header("access-control-expose-headers");
        assert!(exposed.contains("www-authenticate") && exposed.contains("retry-after"), "{exposed}");
    }
}

#[actix_web::test]
async fn another_page_is_not_allowed() {
    let service = Service::start_with(Some(Issuer::usual().key_set().to_string()), &[PAGE]).await;
    let answer = service.ask(preflight("https://evil.test")).await;
    assert!(answer.status.is_client_error() && !answer.headers.contains_key("access-control-allow-origin"));
    let request =
        bearer(TestRequest::get().uri("/books"), &reader()).insert_header((header::ORIGIN, "https://evil.test"));
    assert!(!service.ask(request).await.headers.contains_key("access-control-allow-origin"));
}

#[actix_web::test]
async fn without_allowed_origins_there_is_no_cors() {
    let service = Service::start().await;
    let answer = service.ask(preflight(PAGE)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "origin_not_allowed"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
