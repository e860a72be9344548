//! `/verify`: a verdict, and nothing else.

use super::*;
use actix_web::http::Method;

async fn verdict(service: &Service, query: &str, token: &str) -> Answer {
    service.get(&format!("/verify{query}"), token).await
}

#[actix_web::test]
async fn a_good_token_is_described_in_headers() {
    let service = Service::start().await;
    let answer = verdict(&service, "", &author()).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.header("x-auth-subject"), "ada");
    assert_eq!(answer.header("x-auth-session"), "session-1");
    assert_eq!(answer.header("x-auth-roles"), "reader");
    assert_eq!(answer.header("x-auth-scopes"), "books:read books:write");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[actix_web::test]
async fn one_scope_or_several_can_be_required() {
    let service = Service::start().await;
    assert_eq!(verdict(&service, "?scope=books:read", &reader()).await.status, StatusCode::OK);
    assert_eq!(verdict(&service, "?scope=books%3Aread+books%3Awrite", &author()).await.status, StatusCode::OK);
    let answer = verdict(&service, "?scope=books:read+books:write", &reader()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "insufficient_scope"));
    let challenge = r#"Bearer realm="jeton", error="insufficient_scope", scope="books:write""#;
    assert_eq!(answer.header("www-authenticate"), challenge);
}

/// May read and write, and is authenticated at this level, at this time.
fn assured(acr: Value, auth_time: Value) -> String {
    let mut claims = claims(NOW);
    claims["scope"] = json!("books:read books:write");
    for (name, value) in [("acr", acr), ("auth_time", auth_time)].into_iter().filter(|(_, value)| !value.is_null()) {
        claims[name] = value;
    }
    Issuer::usual().token_of(&claims)
}

/// What the challenge says to be lacking, of an answer 401 that asks the user to authenticate again; empty for 200.
fn lacking(answer: &Answer) -> String {
    if answer.status == StatusCode::OK {
        return String::new();
    }
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "authentication_insufficient"));
    assert!(!answer.headers.contains_key("retry-after"), "trying again changes nothing");
    assert!(!answer.headers.contains_key("x-auth-subject"), "nobody is named to the application");
    let always = r#"Bearer realm="jeton", error="insufficient_user_authentication", error_description="the user has to authenticate again", "#;
    answer.header("www-authenticate").strip_prefix(always).expect("a challenge that says what is lacking").to_owned()
}

#[actix_web::test]
async fn a_level_of_authentication_can_be_required() {
    let service = Service::start().await;
    let levels = [Value::Null, json!("0"), json!("1"), json!(" 2"), json!("mfa"), json!("2"), json!("phr")];
    for (wanted, enough, challenge) in [
        ("1", &[Value::Null, json!("1"), json!("2"), json!("phr")][..], r#"acr_values="1 2 phr""#),
        ("2", &[json!("2"), json!("phr")], r#"acr_values="2 phr""#),
        ("phr", &[json!("phr")], r#"acr_values="phr""#),
        ("mfa", &[json!("mfa")], r#"acr_values="mfa""#),
        ("urn%3Ax%3Agold", &[], r#"acr_values="urn:x:gold""#),
    ] {
        for held in &levels {
            let answer = verdict(&service, &format!("?acr={wanted}"), &assured(held.clone(), json!(0))).await;
            let expected = if enough.contains(held) { "" } else { challenge };
            assert_eq!(lacking(&answer), expected, "{held} for {wanted}");
        }
    }
}

#[actix_web::test]
async fn a_recent_login_can_be_required() {
    let service = Service::start().await;
    for recent in [NOW - 300, NOW - 299, NOW, NOW + 60] {
        let answer = verdict(&service, "?max_age=300", &assured(Value::Null, json!(recent))).await;
        assert_eq!(lacking(&answer), "", "{recent}");
    }
    for other in [json!(NOW - 301), json!(0), json!(NOW + 61), Value::Null] {
        let answer = verdict(&service, "?max_age=300", &assured(json!("phr"), other.clone())).await;
        assert_eq!(lacking(&answer), r#"max_age="300""#, "{other}");
    }
}

#[actix_web::test]
async fn a_scope_a_level_and_an_age_can_be_required_at_once() {
    let service = Service::start().await;
    let query = "?scope=books:write&acr=2&max_age=300";
    assert_eq!(lacking(&verdict(&service, query, &assured(json!("phr"), json!(NOW - 300))).await), "");
    for (acr, age, expected) in [
        ("2", 301, r#"max_age="300""#),
        ("1", 300, r#"acr_values="2 phr""#),
        ("1", 301, r#"acr_values="2 phr", max_age="300""#),
    ] {
        let answer = verdict(&service, query, &assured(json!(acr), json!(NOW - age))).await;
        assert_eq!(lacking(&answer), expected, "{acr} {age}");
    }
    let answer = verdict(&service, query, &reader()).await;
    assert_eq!(answer.code(), "insufficient_scope", "another login would not help");
}

#[actix_web::test]
async fn claims_about_the_login_that_cannot_be_read_make_the_token_invalid_whatever_is_required() {
    let service = Service::start().await;
    let malformed = [
        assured(json!(2), json!(NOW)),
        assured(json!(["2"]), json!(NOW)),
        assured(json!(""), json!(NOW)),
        assured(json!("2"), json!(NOW.to_string())),
        assured(json!("2"), json!(-1)),
        assured(json!("2"), json!(i64::MAX)),
        token_with("amr", json!("pwd")),
    ];
    for (number, token) in malformed.iter().enumerate() {
        for query in ["", "?acr=1", "?max_age=999999999"] {
            let answer = verdict(&service, query, token).await;
            let said = (answer.status, answer.code());
            assert_eq!(said, (StatusCode::UNAUTHORIZED, "token_invalid".to_owned()), "{number} {query}");
        }
    }
}

#[actix_web::test]
async fn an_unsupported_query_lets_nobody_in() {
    let service = Service::start().await;
    let everything = assured(json!("phr"), json!(NOW));
    for query in [
        "?scope=",
        "?scope=a&scope=b",
        "?scop=books:write",
        "?scope=%22",
        "?scope=%FF",
        "?x=1",
        "?scope=a++b",
        "?acr=",
        "?acr=+2",
        "?acr=2+",
        "?acr=2+phr",
        "?acr=2&acr=1",
        "?acr=%22",
        "?acr=%5C",
        "?acr=2%0d%0aX-Auth-Roles:%20admin",
        "?acr=%C3%A9",
        "?acr[]=2",
        "?ACR=2",
        "?acr_values=2",
        "?max_age=",
        "?max_age=0",
        "?max_age=-1",
        "?max_age=+300",
        "?max_age=%2B300",
        "?max_age=0300",
        "?max_age=300.0",
        "?max_age=3e2",
        "?max_age=300s",
        "?max_age=5m",
        "?max_age=%D9%A3",
        "?max_age=1000000000",
        "?max_age=4294967296",
        "?max_age=99999999999999999999",
        "?max_age=300&max_age=900",
        "?max-age=300",
        "?maxage=300",
        "?scope=books:read&acr=2&max_age=",
    ] {
        let answer = verdict(&service, query, &everything).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "invalid_query"), "{query}");
        assert_eq!(
            service.ask(TestRequest::get().uri(&format!("/verify{query}"))).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
}

#[actix_web::test]
async fn every_method_gets_the_same_verdict() {
    let service = Service::start().await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]
    {
        let request = || TestRequest::default().method(method.clone()).uri("/verify");
        assert_eq!(service.ask(bearer(request(), &reader())).await.status, StatusCode::OK, "{method}");
        assert_eq!(service.ask(request()).await.status, StatusCode::UNAUTHORIZED, "{method}");
    }
}

#[actix_web::test]
async fn an_outage_is_neither_a_logout_nor_a_server_error() {
    let service = Service::start_with(None, &[]).await;
    let answer = verdict(&service, "", &reader()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "unavailable"));
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="jeton""#);
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[actix_web::test]
async fn an_oversized_request_head_is_refused_for_what_it_is_and_not_as_an_outage() {
    let service = Service::start().await;
    let cookie = || ("cookie", format!("other={}", "x".repeat(17_000)));
    let oversized = [
        bearer(TestRequest::get().uri("/verify").insert_header(cookie()), &reader()),
        bearer(TestRequest::get().uri("/verify"), &"x".repeat(20_000)),
        TestRequest::get().uri("/verify").insert_header(cookie()),
    ];
    for request in oversized {
        let answer = service.ask(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "headers_too_large"));
        assert!(!answer.headers.contains_key("retry-after") && !answer.body.contains("try again"), "{}", answer.body);
    }
    let answer = service.get("/whoami", &"x".repeat(20_000)).await;
    assert_eq!(answer.code(), "headers_too_large");
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[actix_web::test]
async fn no_name_can_break_out_of_its_header_or_become_two_roles() {
    let service = Service::start().await;
    let answer =
        verdict(&service, "", &token_with("roles", json!(["reader,admin", "éditeur", "a b", "a\r\nb", "%2C"]))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-auth-roles"), "reader%2Cadmin,%C3%A9diteur,a%20b,a%0D%0Ab,%252C");
    let answer = verdict(&service, "", &token_with("sub", json!("Ada Lovelace"))).await;
    assert_eq!(answer.header("x-auth-subject"), "Ada%20Lovelace");
}

#[actix_web::test]
async fn what_the_client_claims_to_be_is_not_passed_on() {
    let service = Service::start().await;
    let request = TestRequest::get().uri("/verify").insert_header(("X-Auth-Subject", "root"));
    let answer = service.ask(request).await;
    assert!(!answer.headers.contains_key("x-auth-subject"));
}
