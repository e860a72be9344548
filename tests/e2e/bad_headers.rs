//! Headers, and requests as bytes, that no client library would send.

use crate::bad_requests::assert_harmless;
use harness::{Stack, Transport, assert_problem};

#[tokio::test]
async fn large_headers_are_refused() {
    let stack = Stack::any().start().await;
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
    let stack = Stack::any().start().await;
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
async fn header_values_that_are_not_text_break_nothing() {
    let stack = Stack::any().start().await;
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
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Body);
    login.header("upgrade", "websocket").header("te", "trailers").send().await.expect(200);
    let head = stack.resource.request("HEAD", "/whoami").bearer(&ada.tokens.access).send().await;
    assert!(head.status < 500 && head.body.is_empty(), "{head}");
}

#[tokio::test]
async fn a_body_that_never_arrives_is_given_up() {
    let stack = Stack::any().start().await;
    let head = "Host: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100";
    let answer = stack.auth.raw(format!("POST /auth/login HTTP/1.1\r\n{head}\r\n\r\n{{").as_bytes()).await;
    assert_problem(&answer, 408, "request_timeout");
}

#[tokio::test]
async fn a_body_that_was_not_read_is_not_taken_for_a_request() {
    let stack = Stack::any().start().await;
    for (service, hidden, revealing) in
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
            assert!(!answers.body.contains(revealing), "the body was answered as a request\n{answers}");
        }
    }
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}
