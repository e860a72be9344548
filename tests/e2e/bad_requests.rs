//! Wrong methods, paths, queries and headers, on both services.

use harness::{Answer, Stack, Transport, answer::assert_is_problem, assert_problem};

/// Each path with the methods that it takes.
const PATHS: [(bool, &str, &[&str]); 20] = [
    (true, "/auth/register", &["POST"]),
    (true, "/auth/login", &["POST"]),
    (true, "/auth/refresh", &["POST"]),
    (true, "/auth/csrf", &["GET"]),
    (true, "/auth/logout", &["POST"]),
    (true, "/auth/logout-all", &["POST"]),
    (true, "/auth/me", &["GET", "DELETE"]),
    (true, "/auth/password", &["POST"]),
    (true, "/auth/sessions", &["GET"]),
    (true, "/auth/sessions/0190163d-8694-739b-aea5-966c26f8ad91", &["DELETE"]),
    (true, "/admin/users", &["GET"]),
    (true, "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91", &["PATCH", "DELETE"]),
    (true, "/admin/users/0190163d-8694-739b-aea5-966c26f8ad91/sessions", &["DELETE"]),
    (true, "/.well-known/jwks.json", &["GET"]),
    (true, "/.well-known/oauth-authorization-server", &["GET"]),
    (false, "/whoami", &["GET"]),
    (false, "/books", &["GET", "POST"]),
    (false, "/books/1", &["GET"]),
    (false, "/books/1/chapters", &["POST"]),
    // Gateways ask with GET, whatever the method of the request they ask for.
    (false, "/verify", &["GET", "POST", "PUT", "PATCH", "DELETE"]),
];

#[tokio::test]
async fn a_wrong_method_is_refused_and_the_right_ones_are_named() {
    let stack = Stack::embedded().await;
    for (of_auth_service, path, allowed) in PATHS {
        let service = if of_auth_service { &stack.auth } else { &stack.resource };
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if allowed.contains(&method) || path == "/verify" {
                continue;
            }
            let answer = service.request(method, path).send().await;
            eprintln!("{method} {path}");
            assert_problem(&answer, 405, "method_not_allowed");
            for method in allowed {
                assert!(answer.header("allow").contains(method), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let stack = Stack::embedded().await;
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
            for method in ["GET", "POST"] {
                eprintln!("{method} {path}");
                assert_problem(&service.request(method, path).send().await, 404, "not_found");
            }
        }
    }
}

#[tokio::test]
async fn ids_that_are_none_break_nothing() {
    let stack = Stack::embedded().await;
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
    let stack = Stack::embedded().await;
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

#[tokio::test]
async fn large_headers_are_refused() {
    let stack = Stack::embedded().await;
    for (service, path) in [(&stack.auth, "/auth/me"), (&stack.resource, "/whoami")] {
        let long = "x".repeat(20 * 1024);
        let many = (0..60).map(|number| format!("x-{number}: {}\r\n", "y".repeat(400))).collect::<String>();
        assert_problem(&service.get(path).header("x-long", &long).send().await, 431, "headers_too_large");
        assert_problem(&service.get(path).bearer(&long).send().await, 431, "headers_too_large");
        assert_problem(&service.raw(&get(path, &many)).await, 431, "headers_too_large");
        assert_problem(&service.get(&format!("{path}?{long}")).send().await, 431, "headers_too_large");
    }
}

#[tokio::test]
async fn absurd_headers_end_in_a_refusal_not_in_a_hang() {
    let stack = Stack::embedded().await;
    for service in [&stack.auth, &stack.resource] {
        let requests: [Vec<u8>; 9] = [
            get("/", &format!("x-long: {}\r\n", "x".repeat(300 * 1024))),
            get("/", &(0..500).map(|number| format!("x-{number}: y\r\n")).collect::<String>()),
            get("/", "no colon\r\n"),
            get("/", "Content-Length: x\r\n"),
            get("/", "Content-Length: -1\r\n"),
            get("/", "Content-Length: 3\r\nContent-Length: 4\r\n"),
            get("/", "Transfer-Encoding: x\r\n"),
            get("/\u{fc}", ""),
            b"NONSENSE\r\n\r\n".to_vec(),
        ];
        for request in requests {
            let answer = service.raw(&request).await;
            assert!(
                (400..500).contains(&answer.status),
                "{:?}\n{answer}",
                String::from_utf8_lossy(&request[..40.min(request.len())])
            );
        }
        service.admin_address().get("/health/live").send().await.expect(200);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_break_nothing() {
    let stack = Stack::embedded().await;
    let ada = stack.ada_in_a_browser().await;
    let head = |path: &str, headers: &[u8]| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n");
        [head.as_bytes(), headers, b"\r\n"].concat()
    };
    let cookie = ada.tokens.cookie_header();
    let with_cookie = |more: &[u8]| [b"Cookie: ", cookie.as_bytes(), b"\r\n", more].concat();
    let requests = [
        ("/auth/logout-all", b"Authorization: Bearer \xff\xfe\r\n".to_vec(), 401),
        ("/auth/refresh", with_cookie(b"X-CSRF-Token: \xff\xfe\r\n"), 403),
        ("/auth/refresh", with_cookie(b"Origin: \xff\xfe\r\n"), 403),
        ("/auth/refresh", with_cookie(b"Sec-Fetch-Site: \xff\xfe\r\n"), 403),
        ("/auth/refresh", b"Cookie: jeton-refresh=\xff\xfe\r\nX-CSRF-Token: x\r\n".to_vec(), 0),
        ("/auth/refresh", b"Cookie: =;;;=\xff\r\n".to_vec(), 0),
    ];
    for (path, headers, status) in requests {
        let answer = stack.auth.raw(&head(path, &headers)).await;
        assert_harmless(&answer);
        assert!(
            status == 0 && answer.status >= 400 || answer.status == status,
            "{:?}\n{answer}",
            String::from_utf8_lossy(&headers)
        );
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn an_expectation_or_an_upgrade_breaks_nothing() {
    let stack = Stack::embedded().await;
    let ada = stack.ada().await;
    let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Body);
    login.header("upgrade", "websocket").header("te", "trailers").send().await.expect(200);
    let head = stack.resource.request("HEAD", "/whoami").bearer(&ada.tokens.access).send().await;
    assert!(head.status < 500 && head.body.is_empty(), "{head}");
}

#[tokio::test]
async fn a_body_that_never_arrives_is_given_up() {
    let stack = Stack::embedded().await;
    let head = "Host: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100";
    let answer = stack.auth.raw(format!("POST /auth/login HTTP/1.1\r\n{head}\r\n\r\n{{").as_bytes()).await;
    assert_problem(&answer, 408, "request_timeout");
}

#[tokio::test]
async fn a_body_that_was_not_read_is_not_taken_for_a_request() {
    let stack = Stack::embedded().await;
    for (service, hidden, told) in
        [(&stack.auth, "/.well-known/jwks.json", "\"keys\""), (&stack.resource, "/books", "\"books\"")]
    {
        let ada = stack.ada().await;
        let smuggled =
            format!("GET {hidden} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ada.tokens.access);
        for path in ["/auth/password", "/books", "/nowhere"] {
            let refused =
                format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len());
            let answers = service.raw(&[refused.into_bytes(), get("/nowhere", "")].concat()).await;
            assert!((400..500).contains(&answers.status), "{answers}");
            assert!(!answers.body.contains(told), "the body was answered as a request\n{answers}");
        }
    }
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

#[track_caller]
fn assert_harmless(answer: &Answer) {
    assert!(answer.status < 500, "{answer}");
    if answer.status >= 400 {
        assert_is_problem(answer);
    }
}
