//! Wrong methods, paths and queries, on both services.

use harness::{Answer, Stack, answer::assert_is_problem, assert_problem};
use std::collections::BTreeSet;

/// Each path with the methods that it takes.
const PATHS: [(bool, &str, &[&str]); 44] = [
    (true, "/auth/register", &["POST"]),
    (true, "/auth/login", &["POST"]),
    (true, "/auth/refresh", &["POST"]),
    (true, "/auth/csrf", &["GET"]),
    (true, "/auth/logout", &["POST"]),
    (true, "/auth/logout-all", &["POST"]),
    (true, "/auth/revoke", &["POST"]),
    (true, "/revocations", &["GET"]),
    (true, "/auth/me", &["GET", "DELETE"]),
    (true, "/auth/password", &["POST", "DELETE"]),
    (true, "/auth/factors", &["GET"]),
    (true, "/auth/totp", &["POST", "DELETE"]),
    (true, "/auth/totp/confirm", &["POST"]),
    (true, "/auth/recovery-codes", &["POST"]),
    (true, "/auth/sessions", &["GET"]),
    (true, "/auth/sessions/0190163d-8694-739b-aea5-966c26f8ad91", &["DELETE"]),
    (true, "/auth/passkeys", &["GET", "POST"]),
    (true, "/auth/passkeys/options", &["POST"]),
    (true, "/auth/passkeys/0190163d-8694-739b-aea5-966c26f8ad91", &["PATCH", "DELETE"]),
    (true, "/auth/login/passkey", &["POST"]),
    (true, "/auth/login/second-factor", &["POST"]),
    (true, "/auth/reauthenticate", &["POST"]),
    (true, "/auth/reauthenticate/options", &["POST"]),
    (true, "/auth/trusted-devices", &["GET"]),
    (true, "/auth/trusted-devices/0190163d-8694-739b-aea5-966c26f8ad91", &["DELETE"]),
    (true, "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/factors", &["DELETE"]),
    (true, "/auth/login/passkey/options", &["POST"]),
    (true, "/admin/users", &["GET", "POST"]),
    (true, "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91", &["GET", "PATCH", "DELETE"]),
    (true, "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/sessions", &["GET", "DELETE"]),
    (true, "/admin/keys", &["GET"]),
    (true, "/admin/keys/rotate", &["POST"]),
    (true, "/admin/overview", &["GET"]),
    (true, "/admin/roles", &["GET"]),
    (true, "/login", &["GET"]),
    (true, "/client.js", &["GET"]),
    (true, "/.well-known/jwks.json", &["GET"]),
    (true, "/.well-known/oauth-authorization-server", &["GET"]),
    (true, "/.well-known/webauthn", &["GET"]),
    (false, "/whoami", &["GET"]),
    (false, "/books", &["GET", "POST"]),
    (false, "/books/1", &["GET"]),
    (false, "/books/1/chapters", &["POST"]),
    // Gateways may ask with the method of the request that they ask about.
    (false, "/verify", &["GET", "POST", "PUT", "PATCH", "DELETE"]),
];

#[tokio::test]
async fn a_wrong_method_is_refused_and_the_right_ones_are_named() {
    let stack = Stack::any().start().await;
    for (of_auth_service, path, allowed) in PATHS {
        let service = if of_auth_service { &stack.auth } else { &stack.resource };
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if is_taken(method, allowed) || path == "/verify" {
                continue;
            }
            let answer = service.request(method, path).send().await;
            eprintln!("{method} {path}");
            if method == "HEAD" {
                assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{answer}");
            } else {
                assert_problem(&answer, 405, "method_not_allowed");
            }
            let named: Vec<&str> = answer.header("allow").split(", ").collect();
            for method in ["GET", "HEAD", "POST", "PATCH", "DELETE"] {
                assert_eq!(named.contains(&method), is_taken(method, allowed), "{method} {path}: {answer}");
            }
        }
    }
}

/// HEAD is taken wherever GET is (RFC 9110, section 9.1).
fn is_taken(method: &str, allowed: &[&str]) -> bool {
    allowed.contains(&if method == "HEAD" { "GET" } else { method })
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let stack = Stack::any().start().await;
    let admin = stack.admin().await;
    stack.resource.add_book(&admin.tokens, "One").await.expect(201);
    let of_documents = [true, false].map(|auth| ["/openapi.json", "/docs", "/docs/style.css"].map(|path| (auth, path)));
    let readable = PATHS.iter().filter(|(_, _, allowed)| allowed.contains(&"GET"));
    let readable = readable.map(|(auth, path, _)| (*auth, *path)).chain(of_documents.concat());
    for (of_auth_service, path) in readable {
        let service = if of_auth_service { &stack.auth } else { &stack.resource };
        for bearer in ["x.y.z", admin.tokens.access.as_str()] {
            let answer = async |method| service.once().request(method, path).bearer(bearer).send().await;
            assert_same_without_body(path, answer("GET").await, answer("HEAD").await);
        }
    }
    for service in [&stack.auth, &stack.resource] {
        for path in ["/health/live", "/health/ready", "/metrics"] {
            let answer = async |method| service.admin_address().request(method, path).send().await;
            assert_same_without_body(path, answer("GET").await, answer("HEAD").await);
            assert_problem(&answer("POST").await, 405, "method_not_allowed");
        }
    }
    let head = "HEAD /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(stack.auth.raw(head.as_bytes()).await.expect(200).body, "", "not one byte");
}

#[track_caller]
fn assert_same_without_body(path: &str, get: Answer, head: Answer) {
    assert_eq!((get.status, ""), (head.status, head.body.as_str()), "{path}: {head}");
    // Counts and ages may change in length from one moment to the next.
    let changes = ["date", "x-request-id", "content-length"];
    let names = |answer: &Answer| -> BTreeSet<String> {
        let names = answer.headers.keys().map(ToString::to_string);
        names.filter(|name| !changes.contains(&name.as_str())).collect()
    };
    assert_eq!(names(&get), names(&head), "{path}");
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let stack = Stack::any().start().await;
    let unknown = [
        "/",
        "/auth",
        "/auth/",
        "/auth/login/",
        "/auth/login/x",
        "/AUTH/LOGIN",
        "//auth/login",
        "/admin",
        "/books/1/2",
        "/favicon.ico",
        "/.well-known",
        "/.env",
        "/auth%2flogin",
        "/books/1/chapters/1",
        "/%F0%9F%94%91",
        "/%00",
        "/whoami/",
        "/..%2f..%2fetc%2fpasswd",
        "/health/live",
        "/metrics",
    ];
    for path in unknown {
        for service in [&stack.auth, &stack.resource] {
            // The way to one's account.
            if path == "/" && service.port() == stack.auth.port() {
                continue;
            }
            for method in ["GET", "POST"] {
                eprintln!("{method} {path}");
                assert_problem(&service.request(method, path).send().await, 404, "not_found");
            }
        }
    }
}

#[tokio::test]
async fn malformed_ids_break_nothing() {
    let stack = Stack::any().start().await;
    let admin = stack.admin().await;
    let ids = ["x", "0", "-1", "%ff", "%00", "%F0%9F%94%91", "..%2f", "99999999999999999999", "a b", "'--", "%C0%80"];
    for id in ids {
        let id = id.replace(' ', "%20");
        let bearer = &admin.tokens.access;
        let answers = [
            stack.auth.request("DELETE", &format!("/auth/sessions/{id}")).bearer(bearer).send().await,
            stack.auth.request("DELETE", &format!("/admin/users/{id}/sessions")).bearer(bearer).send().await,
            stack.auth.request("DELETE", &format!("/admin/users/{id}")).bearer(bearer).send().await,
            stack.resource.get(&format!("/books/{id}")).bearer(bearer).send().await,
        ];
        for answer in answers {
            eprintln!("{id}");
            assert_harmless(&answer);
        }
    }
}

#[tokio::test]
async fn queries_that_make_no_sense_break_nothing() {
    let stack = Stack::any().start().await;
    let admin = stack.admin().await;
    let queries = [
        "?limit=x",
        "?limit=-1",
        "?limit=1.5",
        "?limit=",
        "?limit=99999999999999999999",
        "?limit=1&limit=2",
        "?cursor=x",
        "?cursor=%ff",
        "?cursor='--",
        "?cursor=%00",
        "?q=%ff",
        "?q=%00",
        "?q=%",
        "?%",
        "?&&&",
        "?q",
        "?=x",
    ];
    for query in queries {
        eprintln!("{query}");
        assert_harmless(&stack.auth.users(&admin.tokens, query).await);
    }
    for query in ["?limit=x", "?limit=-1", "?limit=1.5"] {
        let answer = stack.auth.users(&admin.tokens, query).await;
        assert!([400, 422].contains(&answer.status), "{query}\n{answer}");
    }
    let large = stack.auth.users(&admin.tokens, "?limit=1000000").await;
    assert!([200, 400, 422].contains(&large.status), "{large}");
}

#[track_caller]
pub(crate) fn assert_harmless(answer: &Answer) {
    assert!(answer.status < 500, "{answer}");
    if answer.status >= 400 {
        assert_is_problem(answer);
    }
}
