//! Which pages may call from a browser.

use harness::{Answer, Http, Person, Request, Stack, Transport, assert_problem, eventually, service::Service};
use std::time::Duration;

const APP: &str = "https://app.example";
const EVIL: &str = "https://evil.example";

/// Every call that a page could make a browser send with its cookie, or abuse to log somebody in unnoticed.
fn guarded_calls(stack: &Stack, ada: &Person) -> Vec<(&'static str, Request)> {
    let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Cookie);
    let body = serde_json::json!({ "email": harness::person::fresh_email("x"), "password": ada.password });
    let csrf = stack.auth.get("/auth/csrf").header("cookie", &ada.tokens.cookie_header());
    let logout = stack.auth.post("/auth/logout").header("cookie", &ada.tokens.cookie_header());
    vec![
        ("login", login),
        ("register", stack.auth.post("/auth/register").json(&body)),
        ("refresh", stack.auth.refresh_request(&ada.tokens)),
        ("csrf", csrf),
        ("logout", logout.header("x-csrf-token", &ada.tokens.csrf)),
    ]
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_guarded_call() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let foreign = [EVIL, "null", "http://127.0.0.1", "https://127.0.0.1", "http://127.0.0.1.evil.example", "", "x"];
    for origin in foreign {
        for (call, request) in guarded_calls(&stack, &ada) {
            let answer = request.header("origin", origin).send().await;
            eprintln!("{call} from {origin:?}");
            assert_problem(&answer, 403, "csrf_rejected");
            assert_eq!(answer.set_cookies(), [], "{answer}");
        }
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn a_cross_site_request_without_an_origin_is_refused() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    for site in ["cross-site", "same-site", "x"] {
        for (call, request) in guarded_calls(&stack, &ada) {
            eprintln!("{call} from {site}");
            assert_problem(&request.header("sec-fetch-site", site).send().await, 403, "csrf_rejected");
        }
    }
}

#[tokio::test]
async fn the_public_url_and_the_site_itself_may_call() {
    let stack = Stack::any().start().await;
    for headers in [vec![("origin", stack.auth.url())], site("same-origin"), site("none"), vec![]] {
        let ada = stack.ada_in_a_browser().await;
        for (call, request) in guarded_calls(&stack, &ada) {
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            let answer = request.send().await;
            assert!((200..300).contains(&answer.status), "{call} with {headers:?}\n{answer}");
        }
    }
}

#[tokio::test]
async fn an_allowed_origin_may_call_from_any_site() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).start().await;
    let ada = stack.ada_in_a_browser().await;
    let refreshed = stack.auth.refresh_request(&ada.tokens).header("sec-fetch-site", "cross-site");
    let answer = refreshed.header("origin", APP).send().await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), APP, "{answer}");
    assert_eq!(answer.header("access-control-allow-credentials"), "true", "{answer}");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    assert!(exposed.contains("retry-after") && exposed.contains("www-authenticate"), "{answer}");
}

#[tokio::test]
async fn an_allowed_page_can_read_refusals_too() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).start().await;
    let answer = stack.auth.get("/auth/me").header("origin", APP).send().await;
    assert_problem(&answer, 401, "token_missing");
    assert_eq!(answer.header("access-control-allow-origin"), APP, "{answer}");
}

#[tokio::test]
async fn preflights_tell_browsers_which_pages_may_call() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).resource("RESOURCE_ALLOWED_ORIGINS", APP).start().await;
    let calls = [
        (&stack.auth, "/auth/refresh", "content-type,x-csrf-token"),
        (&stack.auth, "/auth/password", "content-type,authorization"),
        (&stack.resource, "/books", "content-type,authorization"),
    ];
    for (service, path, wanted) in calls {
        let ask = async |origin: &str| -> Answer {
            let request = service.request("OPTIONS", path).header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            request.header("access-control-request-headers", wanted).send().await
        };
        let allowed = ask(APP).await;
        assert!((200..300).contains(&allowed.status), "{allowed}");
        assert_eq!(allowed.header("access-control-allow-origin"), APP, "{allowed}");
        assert!(allowed.header("access-control-allow-methods").contains("POST"), "{allowed}");
        let headers = allowed.header("access-control-allow-headers").to_lowercase();
        for header in wanted.split(',') {
            assert!(headers.contains(header), "{header} is not allowed\n{allowed}");
        }
        let refused = ask(EVIL).await;
        assert_eq!(refused.header("access-control-allow-origin"), "", "{refused}");
        assert!(refused.status < 500, "{refused}");
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_read_what_resource_service_answers() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let answer = stack.resource.get("/whoami").bearer(&ada.tokens.access).header("origin", EVIL).send().await;
    assert_eq!(answer.header("access-control-allow-origin"), "", "{answer}");
    assert!(answer.status < 500, "{answer}");
}

fn preflight(service: &Http, path: &str, origin: &str) -> Request {
    let request = service.request("OPTIONS", path).header("origin", origin);
    request.header("access-control-request-method", "POST")
}

/// Waits until this many warnings name the setting, and asserts that there are no more.
async fn assert_warnings(service: &Service, setting: &str, expected: usize) {
    let count = || {
        let log = service.log();
        log.lines().filter(|line| line.contains(setting) && line.contains("WARN")).count()
    };
    eventually("the warnings are in the log", Duration::from_secs(10), async || (count() >= expected).then_some(()))
        .await;
    assert_eq!(count(), expected, "{}", service.log());
}

#[tokio::test]
async fn a_cookie_login_from_another_site_is_refused_because_browsers_drop_the_cookie() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).start().await;
    let ada = stack.ada().await;
    let login = |transport| {
        let login = stack.auth.login_request(&ada.email, &ada.password, transport);
        login.header("origin", APP).header("sec-fetch-site", "cross-site")
    };
    for _ in 0..3 {
        let refused = login(Transport::Cookie).send().await;
        assert_problem(&refused, 403, "cross_site_cookie");
        let detail = refused["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("browsers drop the cookie") && detail.contains("body"), "{refused}");
        assert_eq!(refused.set_cookies(), [], "{refused}");
        assert_eq!(refused.header("access-control-allow-origin"), APP, "the page can read it\n{refused}");
    }
    login(Transport::Body).send().await.tokens();
    let from_elsewhere = stack.auth.post("/auth/logout").header("origin", APP).header("sec-fetch-site", "cross-site");
    assert_problem(&from_elsewhere.send().await, 403, "cross_site_cookie");
    let same_site = stack.auth.login_request(&ada.email, &ada.password, Transport::Cookie);
    same_site.header("origin", APP).header("sec-fetch-site", "same-site").send().await.tokens();
    assert_warnings(&stack.auth, "AUTH_PUBLIC_URL", 1).await;
}

#[tokio::test]
async fn a_preflight_from_a_disallowed_page_is_refused_like_the_call_itself() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let services = [
        (&stack.auth, "/auth/login", "csrf_rejected", "AUTH_ALLOWED_ORIGINS"),
        (&stack.resource, "/books", "origin_not_allowed", "RESOURCE_ALLOWED_ORIGINS"),
    ];
    for (service, path, code, setting) in services {
        for origin in [EVIL, "null", "https://app.example:444", "HTTPS://APP.EXAMPLE"] {
            for _ in 0..3 {
                let refused = preflight(service, path, origin).send().await;
                assert_problem(&refused, 403, code);
                assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(setting)), "{refused}");
                let cors = refused.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(cors.count(), 0, "{refused}");
            }
        }
        assert_warnings(service, setting, 4).await;
    }
    let refused = stack.auth.refresh_request(&ada.tokens).header("origin", EVIL).send().await;
    assert_eq!(refused["detail"], preflight(&stack.auth, "/auth/login", EVIL).send().await["detail"]);
    assert_warnings(&stack.auth, "AUTH_ALLOWED_ORIGINS", 4).await;
}

#[tokio::test]
async fn headers_that_tracing_tools_add_pass_the_preflight_of_an_allowed_page() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).resource("RESOURCE_ALLOWED_ORIGINS", APP).start().await;
    let added = "authorization,baggage,b3,content-type,newrelic,sentry-trace,traceparent,tracestate,x-b3-traceid,\
        x-correlation-id,x-csrf-token,x-datadog-trace-id,x-request-id,x-requested-with";
    for (service, path) in [(&stack.auth, "/auth/refresh"), (&stack.resource, "/books")] {
        let ask = |headers: &str| preflight(service, path, APP).header("access-control-request-headers", headers);
        let answer = ask(added).header("access-control-request-private-network", "true").send().await.expect(204);
        assert_eq!(answer.header("access-control-allow-headers"), added, "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{answer}");
        assert_eq!(answer.header("access-control-allow-private-network"), "true", "{answer}");
        for absurd in ["x".repeat(3000), "a:b".to_owned(), "a\"b".to_owned()] {
            let answer = ask(&absurd).send().await;
            assert_eq!(answer.header("access-control-allow-headers"), "", "{answer}");
        }
    }
}

#[tokio::test]
async fn public_documents_may_be_read_by_every_page() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).start().await;
    let public = [
        (&stack.auth, "/.well-known/jwks.json"),
        (&stack.auth, "/.well-known/oauth-authorization-server"),
        (&stack.auth, "/openapi.json"),
        (&stack.resource, "/openapi.json"),
    ];
    for (service, path) in public {
        for origin in [EVIL, APP, "null", "capacitor://localhost"] {
            let answer = service.get(path).header("origin", origin).send().await.expect(200);
            let asked = preflight(service, path, origin).header("access-control-request-headers", "traceparent");
            for answer in [answer, asked.send().await.expect(204)] {
                assert_eq!(answer.header("access-control-allow-origin"), "*", "{path} for {origin}\n{answer}");
                assert_eq!(answer.header("access-control-allow-credentials"), "", "{answer}");
            }
        }
    }
    let etag = stack.auth.key_set().await.header("etag").to_owned();
    let unchanged = stack.auth.get("/.well-known/jwks.json").header("if-none-match", &etag).header("origin", EVIL);
    assert_eq!(unchanged.send().await.expect(304).header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn native_applications_may_use_tokens_in_bodies_from_any_origin() {
    let native = ["capacitor://localhost", "ionic://localhost", "tauri://localhost", "http://tauri.localhost", "null"];
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    for origin in native {
        let from_there = |request: Request| request.header("origin", origin).header("sec-fetch-site", "cross-site");
        let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Body);
        let tokens = from_there(login).send().await.tokens();
        let tokens = from_there(stack.auth.refresh_request(&tokens)).send().await.tokens();
        let body = serde_json::json!({ "refresh_token": tokens.refresh });
        from_there(stack.auth.post("/auth/logout").json(&body)).send().await.expect(204);
        assert_problem(&stack.auth.refresh(&tokens).await, 401, "session_ended");
        let by_cookie = stack.auth.login_request(&ada.email, &ada.password, Transport::Cookie);
        assert_problem(&from_there(by_cookie).send().await, 403, "csrf_rejected");
    }
    let allowing = Stack::any().auth("AUTH_ALLOWED_ORIGINS", "capacitor://localhost,app://jeton").start().await;
    for origin in ["capacitor://localhost", "app://jeton"] {
        let answer = preflight(&allowing.auth, "/auth/login", origin).send().await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{answer}");
    }
}

#[tokio::test]
async fn a_page_whose_origin_is_not_allowed_gets_nowhere_with_a_cookie_in_the_browser() {
    let stack = Stack::any().start().await;
    let (ada, bob) = (stack.ada_in_a_browser().await, stack.bob().await);
    let login = stack.auth.login_request(&bob.email, &bob.password, Transport::Body);
    let body = serde_json::json!({ "refresh_token": bob.tokens.refresh });
    for request in [login, stack.auth.post("/auth/refresh").json(&body), stack.auth.post("/auth/logout").json(&body)] {
        let request = request.header("origin", EVIL).header("cookie", &ada.tokens.cookie_header());
        assert_problem(&request.send().await, 403, "csrf_rejected");
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
    stack.auth.refresh(&bob.tokens).await.tokens();
}

#[tokio::test]
async fn an_allowed_page_can_read_that_its_headers_are_too_large() {
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", APP).start().await;
    let large = stack.auth.get("/auth/me").header("origin", APP).header("x-large", &"x".repeat(20 * 1024)).send().await;
    assert_problem(&large, 431, "headers_too_large");
    assert_eq!(large.header("access-control-allow-origin"), APP, "{large}");
}

#[tokio::test]
async fn a_preflight_to_verify_is_not_a_verdict() {
    let stack = Stack::any().resource("RESOURCE_ALLOWED_ORIGINS", APP).start().await;
    let answer = preflight(&stack.resource, "/verify", APP).send().await;
    assert_problem(&answer, 401, "token_missing");
}

fn site(name: &str) -> Vec<(&'static str, String)> {
    vec![("sec-fetch-site", name.to_owned())]
}
