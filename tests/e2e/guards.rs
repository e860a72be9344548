//! Authentication and rights: 401 and 403.

use harness::{Answer, Stack, assert_problem};

/// Every call that needs an access token, with its service.
const CALLS: [(&str, &str, bool); 42] = [
    ("GET", "/auth/me", true),
    ("GET", "/auth/me/export", true),
    ("DELETE", "/auth/me", true),
    ("POST", "/auth/password", true),
    ("DELETE", "/auth/password", true),
    ("POST", "/auth/reauthenticate", true),
    ("POST", "/auth/reauthenticate/options", true),
    ("GET", "/auth/trusted-devices", true),
    ("DELETE", "/auth/trusted-devices/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("DELETE", "/auth/factors/reset", true),
    ("DELETE", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/factors", true),
    ("POST", "/auth/logout-all", true),
    ("GET", "/auth/factors", true),
    ("POST", "/auth/totp", true),
    ("POST", "/auth/totp/confirm", true),
    ("DELETE", "/auth/totp", true),
    ("POST", "/auth/recovery-codes", true),
    ("GET", "/auth/sessions", true),
    ("DELETE", "/auth/sessions/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("POST", "/auth/passkeys/options", true),
    ("POST", "/auth/passkeys", true),
    ("GET", "/auth/passkeys", true),
    ("PATCH", "/auth/passkeys/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("DELETE", "/auth/passkeys/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("GET", "/admin/users", true),
    ("PATCH", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("DELETE", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("DELETE", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/sessions", true),
    ("GET", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("GET", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/sessions", true),
    ("DELETE", "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/sessions/0190163d-8694-739b-aea5-966c26f8ad91", true),
    ("GET", "/admin/keys", true),
    ("POST", "/admin/keys/rotate", true),
    ("GET", "/admin/overview", true),
    ("GET", "/admin/roles", true),
    ("GET", "/whoami", false),
    ("GET", "/books", false),
    ("GET", "/books/1", false),
    ("POST", "/books", false),
    ("POST", "/books/1/chapters", false),
    ("GET", "/verify", false),
    ("GET", "/verify?scope=books:read", false),
];

async fn refused_calls(stack: &Stack, authorization: Option<&str>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (method, path, of_auth_service) in CALLS {
        let service = if of_auth_service { &stack.auth } else { &stack.resource };
        // The body is wrong too: the caller must be checked before it.
        let request = service.request(method, path).body("text/plain", "not JSON");
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        eprintln!("{method} {path} with {authorization:?}");
        answers.push(request.send().await);
    }
    answers
}

#[tokio::test]
async fn every_protected_call_asks_for_a_token() {
    let stack = Stack::any().start().await;
    for answer in refused_calls(&stack, None).await {
        assert_problem(&answer, 401, "token_missing");
        let challenge = answer.header("www-authenticate");
        assert!(!challenge.contains("error"), "no error when no credentials were sent\n{answer}");
    }
}

#[tokio::test]
async fn every_protected_call_refuses_malformed_tokens() {
    let stack = Stack::any().start().await;
    let long = format!("Bearer {}", "x".repeat(9000));
    for authorization in ["Bearer x", "Bearer a.b.c", "bearer x.y.z", "Bearer \u{fc}\u{fc}", &long] {
        for answer in refused_calls(&stack, Some(authorization)).await {
            assert_problem(&answer, 401, "token_invalid");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.contains(r#"error="invalid_token""#), "{answer}");
        }
    }
}

#[tokio::test]
async fn every_protected_call_refuses_other_kinds_of_credentials() {
    let stack = Stack::any().start().await;
    for authorization in ["Basic YWRhOnNlY3JldA==", "Bearer", "Bearer ", "", "Digest x"] {
        for answer in refused_calls(&stack, Some(authorization)).await {
            assert_eq!(answer.status, 401, "{answer}");
            let code = answer["code"].as_str().unwrap_or_default();
            assert!(["token_missing", "token_invalid"].contains(&code), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_is_not_accepted_as_an_access_token() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    for answer in refused_calls(&stack, Some(&format!("Bearer {}", ada.tokens.refresh))).await {
        assert_problem(&answer, 401, "token_invalid");
    }
}

#[tokio::test]
async fn two_tokens_at_once_are_refused() {
    let stack = Stack::any().start().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    for (service, path) in [(&stack.auth, "/auth/me"), (&stack.resource, "/whoami")] {
        let answer = service.get(path).bearer(&ada.tokens.access).bearer(&bob.tokens.access).send().await;
        assert!([400, 401].contains(&answer.status), "{answer}");
    }
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", ada.tokens.access);
        for (service, path) in [(&stack.auth, "/auth/me"), (&stack.resource, "/whoami")] {
            service.get(path).header("authorization", &authorization).send().await.expect(200);
        }
    }
}

#[tokio::test]
async fn rights_are_checked_before_the_body_is_read() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let path = format!("/admin/users/{}", ada.id);
    let calls =
        [stack.resource.post("/books"), stack.resource.post("/books/1/chapters"), stack.auth.request("PATCH", &path)];
    for call in calls {
        let answer = call.bearer(&ada.tokens.access).body("text/plain", "x".repeat(100_000)).send().await;
        assert_problem(&answer, 403, "insufficient_scope");
    }
}
