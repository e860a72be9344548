//! Sessions that have ended, and routes that wait for fresh knowledge.

use super::*;
use actix_web::{App, HttpResponse, HttpServer, web};
use std::{net::TcpListener, time::Duration};

/// `printf 'sid:session-1' | sha256sum | cut -c1-32`, in base64url.
const SESSION_1: &str = "xlGaeoy744m6lMrs0gkAqQ";

/// A service that follows a feed, served over HTTP, which says that `session-1` has ended.
async fn following() -> Service {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/revocations", listener.local_addr().expect("an address"));
    let page = json!({
        "iss": ISSUER, "iat": NOW, "after": 0, "to": 7, "more": false, "jwks": "\"x\"",
        "ended": [{ "h": SESSION_1, "u": NOW + 900 }],
    });
    let header = json!({ "alg": "RS256", "typ": "revocations+jwt", "kid": Issuer::usual().key_id() });
    let page = Issuer::usual().sign(&header, &page);
    let answer = move || {
        let page = page.clone();
        async move { HttpResponse::Ok().body(page) }
    };
    let server = HttpServer::new(move || App::new().route("/revocations", web::get().to(answer.clone())));
    let server = server.workers(1).disable_signals().listen(listener).expect("a server");
    actix_web::rt::spawn(server.run());
    let keys = Issuer::usual().key_set().to_string();
    let service =
        Service::start_set_up(Some(keys), &[], |config| config.revocations_at(url.parse().expect("a URL"))).await;
    for _ in 0..1000 {
        if service.parts.keys.feed().is_some_and(|feed| feed.age.is_some()) {
            return service;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the feed is read");
}

#[actix_web::test]
async fn a_token_of_a_session_that_has_ended_is_refused_by_its_own_code() {
    let service = following().await;
    for path in ["/whoami", "/books", "/verify", "/verify?scope=books:read"] {
        let answer = service.get(path, &reader()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "token_ended"), "{path}");
        let challenge = r#"Bearer realm="jeton", error="invalid_token", error_description="token ended""#;
        assert_eq!(answer.header("www-authenticate"), challenge, "{path}");
        let other = service.get(path, &token_with("sid", json!("session-2"))).await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
}

#[actix_web::test]
async fn the_feed_is_part_of_the_health_and_of_the_metrics() {
    let service = following().await;
    let health = service.ask_admin(TestRequest::get().uri("/health/ready")).await;
    assert_eq!((health.status, &health.json()["status"]), (StatusCode::OK, &json!("ready")));
    assert_eq!(health.json()["revocations"]["entries"], 1);
    assert!(health.json()["revocations"]["age_seconds"].is_u64(), "{}", health.body);
    let metrics = service.ask_admin(TestRequest::get().uri("/metrics")).await.body;
    for metric in ["jeton_revocations_entries 1", "jeton_revocations_age_seconds ", "jeton_revocation_reads_total{"] {
        assert!(metrics.contains(metric), "{metric}\n{metrics}");
    }
}

/// A service without a feed, some of whose scopes need a fresh one.
async fn demanding(scopes: &[&str]) -> Service {
    let keys = Issuer::usual().key_set().to_string();
    Service::start_set_up(Some(keys), &[], |config| config.fresh_scopes(scopes.iter().copied())).await
}

#[actix_web::test]
async fn routes_of_fresh_scopes_are_unavailable_while_the_feed_is_not_fresh_and_others_are_served() {
    let service = demanding(&["books:write"]).await;
    let answer = service.post("/books", &author(), &json!({ "title": "Notes" })).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "revocations_stale"));
    assert_eq!((answer.header("retry-after"), answer.headers.contains_key("www-authenticate")), ("1", false));
    let answer = service.post("/books", &reader(), &json!({ "title": "Notes" })).await;
    assert_eq!(answer.code(), "insufficient_scope", "waiting would not help");
    for path in ["/books", "/whoami", "/verify", "/verify?scope=books:read"] {
        assert_eq!(service.get(path, &author()).await.status, StatusCode::OK, "{path}");
    }
    let strict = demanding(&["*"]).await;
    for path in ["/books", "/whoami"] {
        assert_eq!(strict.get(path, &reader()).await.code(), "revocations_stale", "{path}");
        assert_eq!(strict.get(path, "a.b.c").await.code(), "token_invalid", "{path}");
    }
}

#[actix_web::test]
async fn a_gateway_is_told_to_try_again_and_not_that_the_token_is_bad() {
    for (service, path) in [
        (demanding(&["books:write"]).await, "/verify?scope=books:read+books:write"),
        (demanding(&["*"]).await, "/verify"),
    ] {
        let answer = service.get(path, &author()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "unavailable"));
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="jeton""#);
        assert_eq!(answer.header("retry-after"), "1");
    }
}
