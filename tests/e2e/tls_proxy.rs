//! nginx and Caddy terminating TLS in front of auth-service, with the samples in `docs/proxies/`.

use harness::{
    Answer, Gateway, Site, Stack, TlsProxy, assert_problem,
    pages::Pages,
    person::{fresh_email, fresh_password},
    site::Reply,
    sockets,
    tls_proxy::Visitor,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// Runs tests that take a [`Gateway`] on each.
macro_rules! behind_every_proxy {
    ($($test:ident),+ $(,)?) => {
        mod nginx {
            $(#[tokio::test] async fn $test() { super::$test(harness::Gateway::Nginx).await; })+
        }
        mod caddy {
            $(#[tokio::test] async fn $test() { super::$test(harness::Gateway::Caddy).await; })+
        }
    };
}

behind_every_proxy!(
    a_browser_logs_in_refreshes_and_logs_out_over_https,
    clients_are_told_apart_and_none_chooses_its_address,
    plain_http_leads_to_https_and_takes_no_password,
    requests_that_are_too_large_do_not_arrive,
    bodies_that_are_too_large_are_413,
    no_client_can_upgrade_its_connection_to_another_protocol,
);

const ADA: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BOB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

async fn behind(proxy: Gateway) -> (Stack, TlsProxy) {
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", TlsProxy::PUBLIC_URL).trusting_us().start_auth().await;
    let proxy = TlsProxy::start(proxy, &stack.auth);
    (stack, proxy)
}

async fn post(visitor: &Visitor, path: &str, body: &Value) -> Answer {
    visitor.send(visitor.https(Method::POST, path).json(body)).await
}

/// Registers a user, and returns the body of a login.
async fn registered(visitor: &Visitor, transport: &str) -> Value {
    let (email, password) = (fresh_email("ada"), fresh_password());
    post(visitor, "/auth/register", &json!({ "email": email, "password": password })).await.expect(201);
    json!({ "email": email, "password": password, "transport": transport })
}

async fn a_browser_logs_in_refreshes_and_logs_out_over_https(proxy: Gateway) {
    let (_stack, proxy) = behind(proxy).await;
    let ada = proxy.visitor(ADA);
    let from_page = |request: RequestBuilder| {
        request.header("origin", TlsProxy::PUBLIC_URL).header("sec-fetch-site", "same-origin")
    };
    let credentials = registered(&ada, "cookie").await;
    let login = ada.send(from_page(ada.https(Method::POST, "/auth/login")).json(&credentials)).await.expect(200);
    assert_eq!(login.header("strict-transport-security"), "max-age=31536000", "{login}");
    let csrf = login["csrf_token"].as_str().expect("a login has a CSRF token").to_owned();
    let mut cookie = cookie_of(&login);
    assert!(cookie.starts_with("__Host-jeton-refresh="), "{login}");

    let with_cookie = |path: &str, cookie: &str| {
        from_page(ada.https(Method::POST, path)).header("cookie", cookie).header("x-csrf-token", &csrf)
    };
    for _ in 0..2 {
        cookie = cookie_of(&ada.send(with_cookie("/auth/refresh", &cookie)).await.expect(200));
    }
    ada.send(with_cookie("/auth/logout", &cookie)).await.expect(204);
    assert_problem(&ada.send(with_cookie("/auth/refresh", &cookie)).await, 401, "session_ended");
}

fn cookie_of(answer: &Answer) -> String {
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "{answer}");
    format!("{}={}", cookies[0].name, cookies[0].value)
}

async fn clients_are_told_apart_and_none_chooses_its_address(proxy: Gateway) {
    let (_stack, proxy) = behind(proxy).await;
    for address in [ADA, BOB] {
        let visitor = proxy.visitor(address);
        let credentials = registered(&visitor, "body").await;
        let login = visitor.https(Method::POST, "/auth/login").json(&credentials);
        let login = login.header("forwarded", "for=203.0.113.8").header("x-forwarded-for", "203.0.113.9, 203.0.113.10");
        let login = visitor.send(login.header("x-real-ip", "203.0.113.11")).await.expect(200);
        let token = login["access_token"].as_str().expect("a login has an access token");
        let sessions = visitor.send(visitor.https(Method::GET, "/auth/sessions").bearer_auth(token)).await.expect(200);
        assert_eq!(sessions["sessions"][0]["ip"], address.to_string(), "{sessions}");
    }
}

async fn plain_http_leads_to_https_and_takes_no_password(proxy: Gateway) {
    let (_stack, proxy) = behind(proxy).await;
    let ada = proxy.visitor(ADA);
    for method in [Method::GET, Method::HEAD] {
        let led = ada.send(ada.http(method, "/docs?x=1")).await.expect(308);
        assert_eq!(led.header("location"), "https://auth.example.com/docs?x=1", "{led}");
    }
    let refused = ada.send(ada.http(Method::POST, "/auth/login").json(&json!({ "email": "x", "password": "y" }))).await;
    assert_eq!((refused.status, refused.header("location")), (403, ""), "{refused}");
}

async fn requests_that_are_too_large_do_not_arrive(proxy: Gateway) {
    let (_stack, proxy) = behind(proxy).await;
    let ada = proxy.visitor(ADA);
    post(&ada, "/auth/login", &json!({ "email": "x".repeat(100_000), "password": "y" })).await.expect(413);
    let head = ada.https(Method::GET, "/auth/me").header("x-any", "x".repeat(40_000));
    let refused = ada.send(head).await;
    assert!([400, 431].contains(&refused.status), "{refused}");
}

/// With a `Content-Length` and without, also between the limits of the proxy and of auth-service.
async fn bodies_that_are_too_large_are_413(proxy: Gateway) {
    let (_stack, proxy) = behind(proxy).await;
    let ada = proxy.visitor(ADA);
    for length in [20_000, 65_500, 66_000, 80_000, 99_900, 100_000, 150_000, 2_000_000] {
        let body = json!({ "email": "x".repeat(length), "password": "y" }).to_string();
        for coding in ["", "chunked"] {
            for _ in 0..5 {
                let request = ada.https(Method::POST, "/auth/login").header("content-type", "application/json");
                let request = if coding.is_empty() { request } else { request.header("transfer-encoding", coding) };
                let Ok(answer) = ada.attempt(request.body(body.clone())).await else {
                    // It closed before it had read everything, so that the answer was lost on the way.
                    assert!(length >= 100_000, "no answer for {length} bytes, {coding}");
                    continue;
                };
                assert_eq!(answer.status, 413, "{length} {coding}\n{answer}");
            }
        }
    }
}

/// An application takes the place of auth-service, which speaks only HTTP/1.1 and leaves no trace of an upgrade.
async fn no_client_can_upgrade_its_connection_to_another_protocol(proxy: Gateway) {
    let application = Site::start(|_| Reply::status(200));
    let proxy = TlsProxy::start_in_front_of(proxy, application.port());
    let ada = proxy.visitor(ADA);
    for protocol in ["h2c", "websocket"] {
        let request = ada.https(Method::GET, "/auth/me").header("connection", "Upgrade, HTTP2-Settings");
        let request = request.header("upgrade", protocol).header("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA");
        ada.send(request).await.expect(200);
        let received = application.received().pop().expect("it arrives");
        assert_eq!((received.header("upgrade"), received.header("http2-settings")), (vec![], vec![]), "{received}");
    }
}

/// Servers may insist on a length of HTTP/1.0 requests.
#[tokio::test]
async fn one_origin_passes_a_post_without_a_length_on() {
    let stack = Stack::any().start_auth().await;
    let api = Site::start(|_| Reply::status(200));
    let pages = Pages::start(sockets::fresh_port(), &[], &stack.auth, &api);
    let post = async |path: &str| {
        let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        pages.raw(request.as_bytes()).await
    };
    assert_problem(&post("/auth/refresh").await, 401, "invalid_refresh_token");
    post("/api/anything").await.expect(200);
    assert_eq!(api.received()[0].version, "HTTP/1.1");
}
