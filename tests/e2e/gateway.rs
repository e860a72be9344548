//! Gateways in front of an application that knows nothing about tokens: resource-service's `/verify` decides, and the
//! application learns who is there from headers that nobody else can set.

use harness::{
    Answer, Gateway, Reading, Site, Stack,
    forge::{self, Issuer},
    gateway::RunningGateway,
    site::{Received, Reply},
};
use serde_json::{Value, json};
use std::time::Duration;

mod headers;
mod paths;

use headers::{
    a_client_cannot_have_identity_headers_dropped, an_empty_claim_is_not_filled_in_by_a_clients_headers,
    headers_that_override_path_or_method_never_arrive, identity_headers_of_a_client_never_arrive,
    identity_headers_of_a_client_never_arrive_where_everybody_may_go, malformed_identity_headers_never_arrive,
    other_headers_that_name_a_user_or_an_address_never_arrive,
};
use paths::{
    no_anonymous_request_reaches_what_any_application_takes_for_protected, no_spelling_of_a_path_gets_around_its_scope,
    ordinary_paths_arrive_as_they_were_sent, paths_that_only_begin_like_a_guarded_one_need_no_scope,
};

/// Runs tests that take a [`Gateway`] on each.
macro_rules! on_every_gateway {
    ($($test:ident),+ $(,)?) => {
        mod nginx {
            $(#[tokio::test] async fn $test() { super::$test(harness::Gateway::Nginx).await; })+
        }
        mod caddy {
            $(#[tokio::test] async fn $test() { super::$test(harness::Gateway::Caddy).await; })+
        }
    };
}

on_every_gateway!(
    whoever_is_logged_in_is_named_to_the_application,
    a_request_without_a_token_is_refused_with_a_challenge,
    a_bad_token_is_refused_and_the_challenge_says_what_is_wrong,
    a_missing_scope_is_403_and_named,
    the_scope_follows_the_method,
    any_method_and_body_pass,
    identity_headers_of_a_client_never_arrive,
    identity_headers_of_a_client_never_arrive_where_everybody_may_go,
    malformed_identity_headers_never_arrive,
    an_empty_claim_is_not_filled_in_by_a_clients_headers,
    a_client_cannot_have_identity_headers_dropped,
    two_tokens_at_once_are_refused,
    a_path_in_disguise_opens_nothing,
    no_anonymous_request_reaches_what_any_application_takes_for_protected,
    no_spelling_of_a_path_gets_around_its_scope,
    paths_that_only_begin_like_a_guarded_one_need_no_scope,
    ordinary_paths_arrive_as_they_were_sent,
    headers_that_override_path_or_method_never_arrive,
    other_headers_that_name_a_user_or_an_address_never_arrive,
    no_client_can_upgrade_its_connection_to_another_protocol,
    tracing_and_tunnels_are_refused,
    an_identity_of_many_kilobytes_arrives,
    a_post_without_a_length_arrives,
    a_clients_other_headers_are_not_sent_to_verify,
    preflights_are_answered_without_asking_resource_service,
    pages_of_allowed_origins_can_read_answers_and_refusals,
    without_resource_service_nobody_passes,
    a_resource_service_that_hangs_lets_nobody_pass,
    without_keys_a_client_is_asked_to_retry,
);

const ISSUER: &str = "https://issuer.example";

/// An application behind a gateway, and an issuer of whatever tokens a test needs.
struct Guarded {
    issuer: Issuer,
    stack: Stack,
    application: Site,
    gateway: RunningGateway,
}

impl Guarded {
    async fn by(gateway: Gateway) -> Self {
        let issuer = Issuer::new(ISSUER);
        let stack = Stack::resource_alone(&issuer).await;
        let application = application();
        let gateway = gateway.start(&application, &stack.resource);
        Self { issuer, stack, application, gateway }
    }

    fn reader(&self) -> String {
        self.issuer.with_claims(|claims| claims["scope"] = json!("books:read"))
    }

    /// The one request that the application received, and answered.
    #[track_caller]
    fn arrived(&self, answer: &Answer) -> Received {
        assert_eq!((answer.status, answer.body.as_str()), (200, "served"), "{answer}");
        let mut received = self.application.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }

    #[track_caller]
    fn assert_refused(&self, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{answer}");
        assert!(!answer.body.contains("served"), "{answer}");
        assert_eq!(self.application.received(), [], "the request reached the application");
        if status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{answer}");
            assert_eq!(count(answer, "www-authenticate"), 1, "{answer}");
        }
        if status < 500 {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{answer}");
            assert_eq!(answer["status"], status, "{answer}");
        }
    }
}

/// How often the answer has a header.
fn count(answer: &Answer, header: &str) -> usize {
    answer.headers.get_all(header).iter().count()
}

fn application() -> Site {
    Site::start(|_| Reply { status: 200, content_type: "text/plain", body: "served".to_owned() })
}

/// The identity headers as an application may see them that does not distinguish punctuation marks.
fn identity(received: &Received) -> Vec<(String, String)> {
    let plain = |name: &str| name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let plain = received.headers.iter().map(|(name, value)| (plain(name), value.clone()));
    let mut identity: Vec<_> = plain.filter(|(name, _)| name.starts_with("x-auth")).collect();
    identity.sort();
    identity
}

/// The identity headers that the gateway must send for a token.
fn identity_in(claims: &Value) -> Vec<(String, String)> {
    let text = |claim: &str| claims[claim].as_str().expect("a text").to_owned();
    let roles: Vec<&str> = claims["roles"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    vec![
        ("x-auth-roles".to_owned(), roles.join(",")),
        ("x-auth-scopes".to_owned(), text("scope").replace(',', "%2C")),
        ("x-auth-session".to_owned(), text("sid")),
        ("x-auth-subject".to_owned(), text("sub")),
    ]
}

async fn whoever_is_logged_in_is_named_to_the_application(gateway: Gateway) {
    let stack = Stack::any().start().await;
    let (ada, application) = (stack.ada().await, application());
    let gateway = gateway.start(&application, &stack.resource);
    for path in ["/", "/any/thing?x=1", "/books", "/books/1"] {
        gateway.get(path).bearer(&ada.tokens.access).send().await.expect(200);
        let received = application.received().pop().expect("it arrives");
        assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", path), "{received}");
        assert_eq!(identity(&received), identity_in(&ada.tokens.claims()), "{received}");
    }
}

async fn a_request_without_a_token_is_refused_with_a_challenge(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    for (method, path) in [("GET", "/"), ("GET", "/x.html"), ("POST", "/books"), ("DELETE", "/x"), ("OPTIONS", "/")] {
        let answer = guarded.gateway.request(method, path).send().await;
        guarded.assert_refused(&answer, 401);
        assert!(!answer.header("www-authenticate").contains("error"), "{answer}");
    }
}

async fn a_bad_token_is_refused_and_the_challenge_says_what_is_wrong(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let expired = guarded.issuer.with_claims(|claims| {
        claims["iat"] = json!(forge::now() - 1000);
        claims["exp"] = json!(forge::now() - 100);
    });
    let bad = [
        (expired, r#"error="invalid_token", error_description="token expired""#),
        (forge::with_flipped_signature(&guarded.reader()), r#"error="invalid_token""#),
        (guarded.issuer.with_claims(|claims| claims["aud"] = json!("other")), r#"error="invalid_token""#),
    ];
    for (token, said) in bad {
        for path in ["/", "/books"] {
            let answer = guarded.gateway.get(path).bearer(&token).send().await;
            guarded.assert_refused(&answer, 401);
            assert!(answer.header("www-authenticate").contains(said), "{answer}");
        }
    }
}

async fn a_missing_scope_is_403_and_named(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let nothing = guarded.issuer.with_claims(|claims| claims["scope"] = json!("other"));
    let answer = guarded.gateway.get("/books").bearer(&nothing).send().await;
    guarded.assert_refused(&answer, 403);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{answer}");
    assert!(challenge.contains(r#"scope="books:read""#), "{answer}");
    assert_eq!(count(&answer, "www-authenticate"), 1, "{answer}");
    guarded.arrived(&guarded.gateway.get("/").bearer(&nothing).send().await);
}

async fn the_scope_follows_the_method(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let (reader, author) = (guarded.reader(), guarded.issuer.token());
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer = guarded.gateway.request(method, "/books/1").bearer(&reader).send().await;
        guarded.assert_refused(&answer, 403);
        assert!(answer.header("www-authenticate").contains(r#"scope="books:write""#), "{answer}");
        let received = guarded.arrived(&guarded.gateway.request(method, "/books/1").bearer(&author).send().await);
        assert_eq!(received.method, method, "{received}");
    }
}

async fn any_method_and_body_pass(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let author = guarded.issuer.token();
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for length in [0, 10, 600_000] {
            let body: Vec<u8> = (0..=255).cycle().take(length).collect();
            let request = guarded.gateway.request(method, "/books?x=%20").bearer(&author);
            let received = guarded.arrived(&request.body("application/x-any", body.clone()).send().await);
            assert_eq!((received.method.as_str(), received.target.as_str()), (method, "/books?x=%20"));
            assert_eq!(received.header("content-type"), ["application/x-any"], "{received}");
            assert!(received.body == body, "{} bytes instead of {length}", received.body.len());
        }
    }
}

async fn two_tokens_at_once_are_refused(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let (one, other) = (guarded.reader(), guarded.issuer.token());
    for (first, second) in [(&one, &other), (&other, &one), (&one, &one)] {
        let answer = guarded.gateway.get("/").bearer(first).bearer(second).send().await;
        assert!([400, 401].contains(&answer.status), "{answer}");
        assert_eq!(guarded.application.received(), [], "the request reached the application");
    }
}

/// After an upgrade nobody checks what passes: over HTTP/2 in clear text, a client could request any path, with any
/// header.
async fn no_client_can_upgrade_its_connection_to_another_protocol(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let token = guarded.issuer.token();
    for (path, more) in [("/public/page", String::new()), ("/books", format!("Authorization: Bearer {token}\r\n"))] {
        for protocol in ["h2c", "H2C", "websocket", "tls/1.0", "x, h2c"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: Upgrade, HTTP2-Settings, close\r\n\
                 Upgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
            );
            let received = guarded.arrived(&guarded.gateway.raw(request.as_bytes()).await);
            assert_eq!((received.header("upgrade"), received.header("http2-settings")), (vec![], vec![]), "{received}");
            let connection = received.header("connection").join(",").to_lowercase();
            assert!(!connection.contains("upgrade"), "{received}");
        }
    }
}

async fn tracing_and_tunnels_are_refused(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let token = guarded.issuer.token();
    for target in ["TRACE /", "TRACE /public/page", "CONNECT localhost:80", "CONNECT /public/page"] {
        let request = format!(
            "{target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        let answer = guarded.gateway.raw(request.as_bytes()).await;
        assert!([400, 405].contains(&answer.status), "{target}\n{answer}");
        assert_eq!(guarded.application.received(), [], "{target}: the request reached the application");
    }
}

async fn an_identity_of_many_kilobytes_arrives(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let mut claims = guarded.issuer.claims();
    claims["roles"] = (0..150).map(|number| json!(format!("a-role-with-a-long-name-{number}"))).collect();
    let token = guarded.issuer.sign(&guarded.issuer.header(), &claims);
    for path in ["/", "/books"] {
        let received = guarded.arrived(&guarded.gateway.get(path).bearer(&token).send().await);
        assert_eq!(identity(&received), identity_in(&claims), "{received}");
    }
}

/// Servers may insist on a length of HTTP/1.0 requests.
async fn a_post_without_a_length_arrives(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let token = guarded.issuer.token();
    let request = format!(
        "POST /books HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    let received = guarded.arrived(&guarded.gateway.raw(request.as_bytes()).await);
    assert_eq!((received.method.as_str(), received.version.as_str()), ("POST", "HTTP/1.1"), "{received}");
}

/// resource-service refuses heads of more than 16 KiB or 96 headers; cookies and tracing headers must not count towards
/// that.
async fn a_clients_other_headers_are_not_sent_to_verify(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let token = guarded.issuer.token();
    let headers: String = (0..93).map(|number| format!("X-Tracing-{number}: x\r\n")).collect();
    let cookies: String = (0..3).map(|number| format!("Cookie: c{number}={}\r\n", "x".repeat(7000))).collect();
    for more in [headers, cookies] {
        let request = format!(
            "GET /books HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}Connection: close\r\n\r\n"
        );
        guarded.arrived(&guarded.gateway.raw(request.as_bytes()).await);
    }
}

/// The origin that the samples allow.
const PAGE: &str = "https://app.example.com";

async fn preflights_are_answered_without_asking_resource_service(gateway: Gateway) {
    let mut guarded = Guarded::by(gateway).await;
    guarded.stack.resource.kill();
    let preflight = async |origin: &str| {
        let request = guarded.gateway.request("OPTIONS", "/books/1").header("origin", origin);
        request.header("access-control-request-method", "DELETE").send().await
    };
    let allowed = preflight(PAGE).await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, PAGE), "{allowed}");
    assert!(allowed.header("access-control-allow-methods").contains("DELETE"), "{allowed}");
    assert!(allowed.header("access-control-allow-headers").contains("authorization"), "{allowed}");
    for origin in ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"] {
        let refused = preflight(origin).await;
        guarded.assert_refused(&refused, 403);
        assert_eq!(refused.header("access-control-allow-origin"), "", "{refused}");
    }
}

async fn pages_of_allowed_origins_can_read_answers_and_refusals(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let (good, nothing) =
        (guarded.issuer.token(), guarded.issuer.with_claims(|claims| claims["scope"] = json!("other")));
    for (token, status) in [(good.as_str(), 200), (nothing.as_str(), 403), ("x", 401)] {
        for (origin, allowed) in [(PAGE, PAGE), ("https://evil.example", "")] {
            let answer =
                guarded.gateway.get("/books").bearer(token).header("origin", origin).send().await.expect(status);
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{answer}");
            assert_eq!(count(&answer, "access-control-allow-origin"), usize::from(!allowed.is_empty()), "{answer}");
            assert_eq!(answer.header("vary"), "Origin", "{answer}");
            let exposed = answer.header("access-control-expose-headers");
            assert!(allowed.is_empty() || exposed.contains("WWW-Authenticate"), "{answer}");
            drop(guarded.application.received());
        }
    }
}

/// The application gets the path that was decided on: an open path after a detour arrives without the detour.
async fn a_path_in_disguise_opens_nothing(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let raw = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes();
    for path in ["/public/../books", "/public/%2e%2e/books", "/public/..%2fbooks", "//books", "/./books", "/%62ooks"] {
        let answer = guarded.gateway.raw(&raw(path)).await;
        assert!([400, 401].contains(&answer.status), "{path}\n{answer}");
        assert_eq!(guarded.application.received(), [], "{path}: the request reached the application");
    }
    for path in ["/books/../public/page", "/books/%2e%2e/public/page"] {
        let answer = guarded.gateway.raw(&raw(path)).await;
        for received in guarded.application.received() {
            assert_eq!(received.target, "/public/page", "{path}\n{answer}");
        }
    }
}

async fn without_resource_service_nobody_passes(gateway: Gateway) {
    let mut guarded = Guarded::by(gateway).await;
    let token = guarded.issuer.token();
    guarded.arrived(&guarded.gateway.get("/books").bearer(&token).send().await);
    guarded.stack.resource.kill();
    for path in ["/", "/books"] {
        for request in [guarded.gateway.get(path), guarded.gateway.get(path).bearer(&token)] {
            let answer = request.send().await;
            assert!([502, 503].contains(&answer.status), "{answer}");
            guarded.assert_refused(&answer, answer.status);
        }
    }
    guarded.stack.resource.start().await;
    harness::eventually("the gateway asks again", Duration::from_secs(20), || async {
        let answer = guarded.gateway.get("/books").bearer(&token).send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

async fn a_resource_service_that_hangs_lets_nobody_pass(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    guarded.stack.resource.pause();
    let answer = guarded.gateway.get("/books").bearer(&guarded.issuer.token()).send().await;
    assert!((502..=504).contains(&answer.status), "{answer}");
    guarded.assert_refused(&answer, answer.status);
}

async fn without_keys_a_client_is_asked_to_retry(gateway: Gateway) {
    let mut stack = Stack::any().prepare();
    stack.resource.spawn();
    let application = application();
    let gateway = gateway.start(&application, &stack.resource);
    let answer = gateway.get("/").bearer(&Issuer::new(ISSUER).token()).send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (401, "1"), "{answer}");
    assert!(!answer.header("www-authenticate").contains("error"), "nothing is said against the token\n{answer}");
    assert_eq!(application.received(), [], "the request reached the application");
}

/// All of them, once it could read the request line.
#[tokio::test]
async fn refusals_by_nginx_itself_are_problem_documents() {
    let guarded = Guarded::by(Gateway::Nginx).await;
    let token = guarded.issuer.token();
    let said = async |request: &str, status: u16| {
        let request = format!("{request}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        let answer = guarded.gateway.raw(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{request}\n{answer}");
        guarded.assert_refused(&answer, status);
        assert_eq!(
            (answer.header("content-type"), answer["status"] == status),
            ("application/problem+json", true),
            "{answer}"
        );
        assert!(answer["title"].as_str().is_some_and(|title| !title.is_empty()), "{answer}");
    };
    said("GET /_verify HTTP/1.1\r\nHost: localhost\r\n", 404).await;
    said("TRACE / HTTP/1.1\r\nHost: localhost\r\n", 405).await;
    said("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n", 400).await;
    said("GET /%00 HTTP/1.1\r\nHost: localhost\r\n", 400).await;
    said("GET / HTTP/1.1\r\n", 400).await;
    said("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n", 413).await;
    let Guarded { stack: _stack, gateway, application, .. } = guarded;
    drop(application);
    let answer = gateway.get("/").bearer(&token).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (502, "application/problem+json"), "{answer}");
    assert_eq!(answer["status"], 502, "{answer}");
}

#[tokio::test]
async fn nginx_does_not_serve_its_internal_locations() {
    let guarded = Guarded::by(Gateway::Nginx).await;
    for path in ["/_verify", "/_verify_scope", "/_problem"] {
        let answer = guarded.gateway.get(path).bearer(&guarded.issuer.token()).send().await;
        assert_eq!(answer.status, 404, "{answer}");
    }
}
