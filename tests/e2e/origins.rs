//! From which pages a browser may call.

use harness::{Answer, Person, Request, Stack, Transport, assert_problem};

const APP: &str = "https://app.example";
const EVIL: &str = "https://evil.example";

/// Every call that a page could make a browser send with its cookie, or to log somebody in unnoticed.
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
async fn an_allowed_origin_counts_whatever_the_site() {
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
async fn browsers_are_told_before_they_ask_which_pages_may() {
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

fn site(name: &str) -> Vec<(&'static str, String)> {
    vec![("sec-fetch-site", name.to_owned())]
}
