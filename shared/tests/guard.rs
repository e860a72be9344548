//! Guards: what a request must bring, and what it is told otherwise.

use actix_web::{
    App, HttpResponse, ResponseError as _,
    http::{StatusCode, header},
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde_json::Value;
use shared::{
    access_token::{KeySet, Refusal, Verifier},
    clock::{ManualClock, Timestamp},
    guard::{self, AccessToken, Authenticate, Scope, Scoped, Verdict},
    problem::Problem,
};
use std::sync::Arc;
use testkit::{AUDIENCE, ISSUER, Issuer, claims};

const NOW: i64 = 1_800_000_000;

struct BooksWrite;

impl Scope for BooksWrite {
    const NAME: &'static str = "books:write";
}

async fn anybody(token: AccessToken) -> String {
    token.subject().to_owned()
}

async fn author(token: Scoped<BooksWrite>) -> String {
    token.subject().to_owned()
}

/// The verifier with keys that never change.
struct Fixed {
    verifier: Verifier,
    keys: KeySet,
}

impl Authenticate for Fixed {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a> {
        Box::pin(async move { Ok(self.verifier.verify(token, &self.keys)?) })
    }
}

fn authority() -> web::Data<dyn Authenticate> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
    let verifier = Verifier::new(ISSUER, AUDIENCE, clock);
    let keys = KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a good key set");
    let authority: Arc<dyn Authenticate> = Arc::new(Fixed { verifier, keys });
    web::Data::from(authority)
}

struct Told {
    status: StatusCode,
    challenge: Option<String>,
    body: String,
}

impl Told {
    fn code(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).expect("a problem");
        problem["code"].as_str().expect("a code").to_owned()
    }
}

async fn ask(path: &str, credentials: &[&str]) -> Told {
    let app = App::new()
        .app_data(authority())
        .route("/anybody", web::get().to(anybody))
        .route("/author", web::get().to(author));
    let app = init_service(app).await;
    let request = credentials.iter().fold(TestRequest::with_uri(path), |request, credentials| {
        request.append_header((header::AUTHORIZATION, *credentials))
    });
    let answer = call_service(&app, request.to_request()).await;
    let status = answer.status();
    let challenge =
        answer.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().expect("ASCII").to_owned());
    let body = String::from_utf8(read_body(answer).await.to_vec()).expect("UTF-8");
    Told { status, challenge, body }
}

fn token() -> String {
    Issuer::usual().token_of(&claims(NOW))
}

#[actix_web::test]
async fn a_good_token_is_let_in_whatever_the_case_of_the_scheme_and_the_blanks_around_it() {
    for credentials in [format!("Bearer {}", token()), format!("bearer {}", token()), format!("BEARER   {} ", token())]
    {
        let told = ask("/anybody", &[&credentials]).await;
        assert_eq!((told.status, told.body.as_str()), (StatusCode::OK, "ada"));
    }
}

#[actix_web::test]
async fn who_brings_nothing_is_told_how_to_bring_it_without_an_error() {
    for credentials in [&[][..], &["Basic YWRhOmh1c2g="], &["Digest x"], &[""]] {
        let told = ask("/anybody", credentials).await;
        assert_eq!((told.status, told.code().as_str()), (StatusCode::UNAUTHORIZED, "token_missing"));
        assert_eq!(told.challenge.as_deref(), Some(r#"Bearer realm="jeton""#));
    }
}

#[actix_web::test]
async fn what_is_malformed_or_comes_twice_is_an_invalid_token() {
    let good = format!("Bearer {}", token());
    let (cut, two, list) = (good.replace('.', ""), format!("{good} {good}"), format!("{good}, {good}"));
    for credentials in [&["Bearer"][..], &["Bearer "], &["Bearer a.b.c"], &[&cut], &[&two], &[&list], &[&good, &good]] {
        let told = ask("/anybody", credentials).await;
        assert_eq!((told.status, told.code().as_str()), (StatusCode::UNAUTHORIZED, "token_invalid"), "{credentials:?}");
        let challenge = r#"Bearer realm="jeton", error="invalid_token", error_description="token invalid""#;
        assert_eq!(told.challenge.as_deref(), Some(challenge));
    }
}

#[actix_web::test]
async fn an_expired_token_is_told_apart() {
    let old = Issuer::usual().token_of(&claims(NOW - 3000));
    let told = ask("/anybody", &[&format!("Bearer {old}")]).await;
    assert_eq!((told.status, told.code().as_str()), (StatusCode::UNAUTHORIZED, "token_expired"));
    let challenge = r#"Bearer realm="jeton", error="invalid_token", error_description="token expired""#;
    assert_eq!(told.challenge.as_deref(), Some(challenge));
}

#[actix_web::test]
async fn who_may_not_is_told_what_would_be_needed() {
    let told = ask("/author", &[&format!("Bearer {}", token())]).await;
    assert_eq!((told.status, told.code().as_str()), (StatusCode::FORBIDDEN, "insufficient_scope"));
    let challenge = r#"Bearer realm="jeton", error="insufficient_scope", scope="books:write""#;
    assert_eq!(told.challenge.as_deref(), Some(challenge));
}

#[actix_web::test]
async fn who_is_unknown_is_not_told_what_would_be_needed() {
    let told = ask("/author", &[]).await;
    assert_eq!(told.code(), "token_missing");
}

#[actix_web::test]
async fn an_app_without_a_verifier_lets_nobody_in() {
    let app = init_service(App::new().route("/", web::get().to(anybody))).await;
    for request in [TestRequest::default(), TestRequest::default().insert_header(("authorization", "Bearer a.b.c"))] {
        assert_eq!(call_service(&app, request.to_request()).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}

#[test]
fn a_scope_that_could_break_out_of_the_challenge_is_left_out_of_it() {
    let challenge = |scope: &str| {
        let answer: HttpResponse = guard::insufficient_scope(scope).error_response();
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE).expect("a challenge");
        challenge.to_str().expect("ASCII").to_owned()
    };
    assert_eq!(challenge("a b"), r#"Bearer realm="jeton", error="insufficient_scope", scope="a b""#);
    for odd in ["\"", "a\\", "a\r\nSet-Cookie: x", "ä", "", "a  b"] {
        assert_eq!(challenge(odd), r#"Bearer realm="jeton", error="insufficient_scope""#, "{odd:?}");
    }
}

#[test]
fn a_key_that_is_not_known_looks_like_any_invalid_token() {
    assert_eq!(guard::refused(&Refusal::UnknownKey).code(), "token_invalid");
    assert_eq!(Problem::from(guard::Rejection::KeysUnavailable).code(), "unavailable");
}
