//! Headers with which a client could pose as somebody else, or disguise its request.

use super::*;

/// What a header's name may hold besides letters and digits (RFC 9110, 5.6.2). CGI, WSGI and Rack turn some or all of it into
/// `_`, as they do with the hyphen.
const PUNCTUATION: &str = "-_.!#$%&'*+^`|~";

/// The identity headers in every spelling that some application takes for them.
fn spellings() -> Vec<String> {
    let mut spellings = Vec::new();
    for name in ["Subject", "Session", "Roles", "Scopes"] {
        for one in PUNCTUATION.chars() {
            spellings.extend([
                format!("X{one}Auth{one}{name}"),
                format!("X-Auth{one}{name}"),
                format!("X{one}Auth-{name}"),
            ]);
        }
        spellings.extend([format!("x-auth-{name}").to_lowercase(), format!("X_AUTH_{name}").to_uppercase()]);
    }
    spellings
}

/// A request with every spelling twice, and more headers.
fn smuggling(path: &str, more: &str) -> Vec<u8> {
    let smuggled: String = spellings().iter().map(|name| format!("{name}: smuggled\r\n").repeat(2)).collect();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{smuggled}{more}Connection: close\r\n\r\n").into_bytes()
}

pub(super) async fn identity_headers_of_a_client_never_arrive(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let claims = guarded.issuer.claims();
    let token = guarded.issuer.sign(&guarded.issuer.header(), &claims);
    for path in ["/", "/books"] {
        let request = smuggling(path, &format!("Authorization: Bearer {token}\r\n"));
        let received = guarded.arrived(&guarded.gateway.raw(&request).await);
        assert_eq!(identity(&received), identity_in(&claims), "{received}");
        let refused = guarded.gateway.raw(&smuggling(path, "")).await;
        guarded.assert_refused(&refused, 401);
    }
}

pub(super) async fn identity_headers_of_a_client_never_arrive_where_everybody_may_go(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    for more in [String::new(), format!("Authorization: Bearer {}\r\n", guarded.issuer.token())] {
        let received = guarded.arrived(&guarded.gateway.raw(&smuggling("/public/page", &more)).await);
        assert_eq!((identity(&received), received.target.as_str()), (vec![], "/public/page"), "{received}");
    }
}

/// One at a time: each may make the whole request invalid.
pub(super) async fn malformed_identity_headers_never_arrive(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let claims = guarded.issuer.claims();
    let token = guarded.issuer.sign(&guarded.issuer.header(), &claims);
    for line in [
        "X-Auth-Subject : x",
        "X-Auth-Subject\t: x",
        " X-Auth-Subject: x",
        "X-Auth-Subject\u{b}: x",
        "X-Auth-Subject\0: x",
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Any: y\r\n{line}\r\nConnection: close\r\n\r\n"
        );
        let answer = guarded.gateway.raw(request.as_bytes()).await;
        assert!([200, 400, 401].contains(&answer.status), "{line:?}\n{answer}");
        for received in guarded.application.received() {
            assert_eq!(identity(&received), identity_in(&claims), "{line:?}\n{received}");
        }
    }
}

pub(super) async fn an_empty_claim_is_not_filled_in_by_a_clients_headers(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let mut claims = guarded.issuer.claims();
    claims["roles"] = json!([]);
    claims["scope"] = json!("");
    let token = guarded.issuer.sign(&guarded.issuer.header(), &claims);
    let request = smuggling("/", &format!("Authorization: Bearer {token}\r\n"));
    let received = guarded.arrived(&guarded.gateway.raw(&request).await);
    let said: Vec<_> = identity(&received).into_iter().filter(|(_, value)| !value.is_empty()).collect();
    assert_eq!(said, identity_in(&claims)[2..], "{received}");
}

/// `Connection` names headers that the next hop shall drop: they must not be the gateway's own.
pub(super) async fn a_client_cannot_have_identity_headers_dropped(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let claims = guarded.issuer.claims();
    let token = guarded.issuer.sign(&guarded.issuer.header(), &claims);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Connection: close, X-Auth-Subject, X-Auth-Session, X-Auth-Roles, X-Auth-Scopes\r\n\r\n"
    );
    let answer = guarded.gateway.raw(request.as_bytes()).await;
    if answer.status == 400 {
        return assert_eq!(guarded.application.received(), [], "the request reached the application");
    }
    let received = guarded.arrived(&answer);
    assert_eq!(identity(&received), identity_in(&claims), "{received}");
}

/// Headers from which applications and their frameworks take another path or method than the request's.
const OVERRIDING: [&str; 20] = [
    "X-Original-URL",
    "X_Original_URL",
    "X-Rewrite-URL",
    "X_REWRITE_URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X_HTTP_METHOD_OVERRIDE",
    "X-Method-Override",
    "SCRIPT_NAME",
    "Script_Name",
    "PATH_INFO",
    "X-Script-Name",
    "X-Host",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Forwarded-Path",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X.HTTP.Method.Override",
    "X!Original!URL",
];

pub(super) async fn headers_that_override_path_or_method_never_arrive(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let overriding: String = OVERRIDING.iter().map(|name| format!("{name}: /books\r\n")).collect();
    let forwarded = "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 203.0.113.9\r\n";
    let request =
        format!("GET /public/page HTTP/1.1\r\nHost: localhost\r\n{overriding}{forwarded}Connection: close\r\n\r\n");
    let received = guarded.arrived(&guarded.gateway.raw(request.as_bytes()).await);
    let arrived: Vec<_> = received.headers.iter().filter(|(_, value)| value == "/books").collect();
    assert!(arrived.is_empty(), "{received}");
    assert_eq!((received.header("forwarded"), received.header("x-forwarded-for")), (vec![], vec!["127.0.0.1"]));
}

/// Headers in which some applications expect a user or a client's address from the proxy in front of them; `Proxy` is
/// where CGI programs send their own requests.
const TRUSTED: [&str; 23] = [
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "Remote-User",
    "Remote_User",
    "Remote-Groups",
    "Remote-Name",
    "Remote-Email",
    "X-Remote-User",
    "X-Remote-Group",
    "X-WebAuth-User",
    "X-Forwarded-User",
    "X-Forwarded-Groups",
    "X-Forwarded-Email",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "X-Cluster-Client-IP",
    "CF-Connecting-IP",
    "X-Scheme",
    "Proxy",
];

pub(super) async fn other_headers_that_name_a_user_or_an_address_never_arrive(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let trusted: String = TRUSTED.iter().map(|name| format!("{name}: smuggled\r\n")).collect();
    let request = format!("GET /public/page HTTP/1.1\r\nHost: localhost\r\n{trusted}Connection: close\r\n\r\n");
    let received = guarded.arrived(&guarded.gateway.raw(request.as_bytes()).await);
    assert!(received.headers.iter().all(|(_, value)| value != "smuggled"), "{received}");
}
