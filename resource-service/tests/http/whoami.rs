//! `/whoami`, and what holds for every guarded path.

use super::*;

#[actix_web::test]
async fn whoami_says_what_the_token_says_and_no_more() {
    let service = Service::start().await;
    let answer = service.get("/whoami", &token_with("custom", json!({ "plan": "premium" }))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({
            "sub": "ada", "sid": "session-1", "client_id": "jeton", "roles": ["reader"], "scope": "books:read",
            "custom": { "plan": "premium" }, "exp": NOW + 900,
        })
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[actix_web::test]
async fn every_guarded_path_refuses_a_request_without_a_token() {
    let service = Service::start().await;
    let guarded = [
        TestRequest::get().uri("/whoami"),
        TestRequest::get().uri("/books"),
        TestRequest::get().uri("/books/1"),
        TestRequest::post().uri("/books").set_payload("not even JSON"),
        TestRequest::post().uri("/books/1/chapters").set_json(json!({})),
        TestRequest::get().uri("/verify"),
    ];
    for request in guarded {
        let answer = service.ask(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "token_missing"));
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="jeton""#);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[actix_web::test]
async fn without_any_key_the_answer_is_to_try_again_later() {
    let service = Service::start_with(None, &[]).await;
    for path in ["/whoami", "/books", "/books/1"] {
        let answer = service.get(path, &reader()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[actix_web::test]
async fn unknown_paths_and_wrong_methods_are_answered_with_problem_documents() {
    let service = Service::start().await;
    let answer = service.get("/nowhere", &reader()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    let answer = service.ask(bearer(TestRequest::delete().uri("/books"), &author())).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    assert_eq!(answer.headers.get_all("cache-control").count(), 1);
}

#[actix_web::test]
async fn head_is_answered_like_get() {
    let service = Service::start().await;
    for path in ["/whoami", "/books"] {
        let answer = service
            .ask(bearer(TestRequest::default().method(actix_web::http::Method::HEAD).uri(path), &reader()))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}
