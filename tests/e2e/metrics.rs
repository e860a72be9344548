//! What is counted, where operators see it, and what ties log lines to a request.

use harness::{Stack, Storage, Transport, assert_problem, eventually, http::Http, service::Service};
use std::time::Duration;

on_every_storage! {
    every_outcome_of_a_refresh_is_counted,
}

async fn every_outcome_of_a_refresh_is_counted(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "5m").start().await;
    let ada = stack.ada().await;
    let next = stack.auth.refresh(&ada.tokens).await.tokens();
    stack.auth.refresh(&ada.tokens).await.tokens();
    stack.auth.set("AUTH_REPLAY_WINDOW", "0s");
    assert_eq!(counted(&stack.auth, r#"refreshes_total{outcome="rotated"}"#).await, 1.0);
    assert_eq!(counted(&stack.auth, r#"refreshes_total{outcome="replayed"}"#).await, 1.0);
    stack.auth.restart().await;

    stack.auth.refresh(&ada.tokens).await.tokens();
    let last = stack.auth.refresh(&next).await.tokens();
    stack.auth.refresh(&last).await.tokens();
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    for (outcome, times) in [("retried", 1.0), ("rotated", 2.0), ("reuse", 1.0), ("ended", 1.0), ("adopted", 0.0)] {
        let name = format!("refreshes_total{{outcome={outcome:?}}}");
        assert_eq!(counted(&stack.auth, &name).await, times, "{name}");
    }
}

#[tokio::test]
async fn logins_verifications_stores_keys_and_requests_are_counted() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ada = stack.ada().await;
    let wrong = stack.auth.login(&ada.email, "wrong", Transport::Body).await;
    assert_problem(&wrong, 401, "invalid_credentials");
    stack.auth.me(&ada.tokens).await.expect(200);
    stack.resource.whoami(&ada.tokens).await.expect(200);
    stack.resource.get("/whoami").bearer("x.y.z").send().await;
    stack.resource.get("/books/01a1fc6e-d371-749b-bbb1-a62db714347a").bearer(&ada.tokens.access).send().await;
    stack.resource.get("/nowhere/at/all").send().await;

    for (name, value) in [
        (r#"logins_total{outcome="success"}"#, 1.0),
        (r#"logins_total{outcome="invalid"}"#, 1.0),
        (r#"logins_total{outcome="throttled"}"#, 0.0),
        (r#"access_token_verifications_total{outcome="accepted"}"#, 1.0),
        (r#"store_failures_total{store="redis"}"#, 0.0),
        ("hashing_queue_jobs", 0.0),
        ("signing_keys_published", 1.0),
        (r#"http_request_seconds_count{method="POST",route="/auth/login",status="401"}"#, 1.0),
    ] {
        assert_eq!(counted(&stack.auth, name).await, value, "{name}");
    }
    for store in ["sql", "redis"] {
        assert!(counted(&stack.auth, &format!("store_seconds_count{{store={store:?}}}")).await > 0.0);
    }
    assert!(counted(&stack.auth, "signing_key_age_seconds").await >= 0.0);
    for (name, value) in [
        (r#"access_token_verifications_total{outcome="accepted"}"#, 2.0),
        (r#"access_token_verifications_total{outcome="invalid"}"#, 1.0),
        ("verification_keys", 1.0),
        (r#"http_request_seconds_count{method="GET",route="/books/{id}",status="404"}"#, 1.0),
        (r#"http_request_seconds_count{method="GET",route="other",status="404"}"#, 1.0),
    ] {
        assert_eq!(counted(&stack.resource, name).await, value, "{name}");
    }
    assert!(counted(&stack.resource, r#"key_fetches_total{outcome="success"}"#).await >= 1.0);
}

#[tokio::test]
async fn metrics_are_for_operators_and_hold_no_ids() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    stack.auth.end_session(&ada.tokens, &ada.tokens.session_id).await.expect(204);
    for service in [&stack.auth, &stack.resource] {
        assert_problem(&service.get("/metrics").send().await, 404, "not_found");
        let shown = service.admin_address().get("/metrics").send().await.expect(200);
        assert!(shown.header("content-type").starts_with("application/openmetrics-text"), "{shown}");
        assert!(shown.body.ends_with("# EOF\n"), "{shown}");
        for id in [&ada.id, &ada.tokens.session_id, &ada.email] {
            assert!(!shown.body.contains(id.as_str()), "{shown}");
        }
    }
}

#[tokio::test]
async fn log_lines_carry_the_id_of_their_request() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Body);
    let answer = login.header("x-request-id", "gateway-17:ab").send().await.expect(200);
    assert_eq!(answer.header("x-request-id"), "gateway-17:ab", "{answer}");
    let line = eventually("the login is in the log", Duration::from_secs(10), async || {
        stack.auth.log().lines().find(|line| line.contains("gateway-17:ab")).map(str::to_owned)
    })
    .await;
    assert!(line.contains(r#""action":"login""#) && line.contains(r#""path":"/auth/login""#), "{line}");

    for (given, service) in [("", &stack.auth), ("two words", &stack.auth), ("\"quoted\"", &stack.resource)] {
        let answer = service.get("/nowhere").header("x-request-id", given).send().await;
        let id = answer.header("x-request-id");
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{answer}");
    }
    let long = "x".repeat(65);
    let answer = stack.resource.get("/nowhere").header("x-request-id", &long).send().await;
    assert_ne!(answer.header("x-request-id"), long, "{answer}");
}

/// The value of a line of `/metrics`.
pub(crate) async fn counted(service: &Service, name: &str) -> f64 {
    let admin: &Http = service.admin_address();
    let shown = admin.get("/metrics").send().await.expect(200);
    let line = shown.body.lines().find_map(|line| line.strip_prefix(&format!("jeton_{name} ")));
    line.unwrap_or_else(|| panic!("{name} is missing in\n{shown}")).parse().expect("a number")
}
