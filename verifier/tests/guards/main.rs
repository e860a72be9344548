//! The guards of actix-web and axum behind real sockets: what a request must bring, and what is answered otherwise. Both answer
//! alike.

mod assured;
mod client;
mod servers;

use client::{Answer, ask, ask_with};
use jeton_verifier::{
    Observer, VerifiedToken,
    guard::{Authenticate, Rejection},
};
use servers::{NOW, SERVERS, authority};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use testkit::{
    Issuer, claims,
    corpus::{Good, Row, rows},
};

fn token() -> String {
    Issuer::usual().token_of(&claims(NOW))
}

/// The answers of each server.
fn answers<'a>(path: &'a str, credentials: &'a [&str]) -> impl Iterator<Item = (&'static str, Answer)> + 'a {
    SERVERS.iter().map(move |(name, address)| (*name, ask(*address, path, credentials)))
}

#[test]
fn a_good_token_is_let_in_whatever_the_case_of_the_scheme_and_the_spaces_around_it() {
    for credentials in [format!("Bearer {}", token()), format!("bearer {}", token()), format!("BEARER   {} ", token())]
    {
        for (server, answer) in answers("/anybody", &[&credentials]) {
            assert_eq!((answer.status, answer.body.as_str()), (200, "ada"), "{server}");
        }
    }
}

#[test]
fn without_a_token_the_answer_says_how_to_send_one_and_names_no_error() {
    for credentials in [&[][..], &["Basic YWRhOmh1c2g="], &["Digest x"], &[""]] {
        for (server, answer) in answers("/anybody", credentials) {
            assert_eq!((answer.status, answer.code().as_str()), (401, "token_missing"), "{server}");
            assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="jeton""#), "{server}");
            assert_eq!(answer.header("retry-after"), None, "{server}: trying again changes nothing");
        }
    }
}

#[test]
fn a_malformed_or_repeated_token_is_invalid() {
    let good = format!("Bearer {}", token());
    let (cut, two, list) = (good.replace('.', ""), format!("{good} {good}"), format!("{good}, {good}"));
    for credentials in [&["Bearer"][..], &["Bearer "], &["Bearer a.b.c"], &[&cut], &[&two], &[&list], &[&good, &good]] {
        for (server, answer) in answers("/anybody", credentials) {
            assert_eq!((answer.status, answer.code().as_str()), (401, "token_invalid"), "{server} {credentials:?}");
            let challenge = r#"Bearer realm="jeton", error="invalid_token", error_description="token invalid""#;
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{server}");
        }
    }
}

#[test]
fn an_expired_token_is_called_expired() {
    let old = format!("Bearer {}", Issuer::usual().token_of(&claims(NOW - 3000)));
    for (server, answer) in answers("/anybody", &[&old]) {
        assert_eq!((answer.status, answer.code().as_str()), (401, "token_expired"), "{server}");
        let challenge = r#"Bearer realm="jeton", error="invalid_token", error_description="token expired""#;
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{server}");
    }
}

#[test]
fn a_token_without_the_scope_is_answered_with_the_scope_that_is_needed() {
    for (server, answer) in answers("/author", &[&format!("Bearer {}", token())]) {
        assert_eq!((answer.status, answer.code().as_str()), (403, "insufficient_scope"), "{server}");
        let challenge = r#"Bearer realm="jeton", error="insufficient_scope", scope="books:write""#;
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{server}");
    }
    for (server, answer) in answers("/author", &[]) {
        assert_eq!(answer.code(), "token_missing", "{server}: the scope is not revealed without a token");
    }
}

#[test]
fn a_token_with_the_scope_is_let_in() {
    let mut claims = claims(NOW);
    claims["scope"] = "books:read books:write".into();
    for (server, answer) in answers("/author", &[&format!("Bearer {}", Issuer::usual().token_of(&claims))]) {
        assert_eq!((answer.status, answer.body.as_str()), (200, "ada"), "{server}");
    }
}

#[test]
fn a_fresh_guard_is_unavailable_while_the_feed_is_not_fresh_and_never_refuses_the_token() {
    let reader = format!("Bearer {}", token());
    for (server, answer) in answers("/fresh", &[&reader]) {
        assert_eq!((answer.status, answer.body.as_str()), (200, "ada"), "{server}");
    }
    for (server, answer) in answers("/stale/fresh", &[&reader]) {
        assert_eq!((answer.status, answer.code().as_str()), (503, "revocations_stale"), "{server}");
        assert_eq!((answer.header("retry-after"), answer.header("www-authenticate")), (Some("1"), None), "{server}");
    }
    for (server, answer) in answers("/stale/fresh", &["Bearer a.b.c"]) {
        assert_eq!(answer.code(), "token_invalid", "{server}");
    }
}

#[test]
fn scopes_that_the_program_names_wait_for_a_fresh_feed_and_others_do_not() {
    let mut claims = claims(NOW);
    claims["scope"] = "books:read books:write".into();
    let author = format!("Bearer {}", Issuer::usual().token_of(&claims));
    for (server, answer) in answers("/stale/author", &[&author]) {
        assert_eq!((answer.status, answer.code().as_str()), (503, "revocations_stale"), "{server}");
    }
    for (server, answer) in answers("/stale/reader", &[&author]) {
        assert_eq!(answer.status, 200, "{server}");
    }
    for (server, answer) in answers("/stale/author", &[&format!("Bearer {}", token())]) {
        assert_eq!(answer.code(), "insufficient_scope", "{server}: waiting would not help");
    }
}

#[test]
fn every_refusal_is_a_problem_document_that_is_never_stored() {
    for path in ["/anybody", "/author"] {
        for (server, answer) in answers(path, &[]) {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{server}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{server}");
        }
    }
}

#[test]
fn without_keys_the_answer_is_an_outage_and_not_a_refusal() {
    for (server, answer) in answers("/without-keys", &[&format!("Bearer {}", token())]) {
        assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"), "{server}");
        assert_eq!((answer.header("retry-after"), answer.header("www-authenticate")), (Some("1"), None), "{server}");
    }
}

#[test]
fn every_token_of_the_table_is_let_in_or_refused_as_it_says() {
    let good = Good { issuer: Issuer::usual(), claims: claims(NOW), now: NOW };
    let mut surprises = Vec::new();
    for row in rows() {
        let token = row.token(&good);
        for (server, address) in &*SERVERS {
            let answer = ask_with(*address, "/anybody", &[&[b"Bearer ", token.as_slice()].concat()]);
            if !is_as_expected(&row, &token, &answer) {
                surprises.push(format!("{server}: {} is not {}\n{answer:?}", row.name(), row.expect()));
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}

fn is_as_expected(row: &Row, token: &[u8], answer: &Answer) -> bool {
    let code = match row.expect() {
        "ok" => return answer.status == 200,
        "expired" => "token_expired",
        _ => "token_invalid",
    };
    // Bytes that a header cannot have do not even reach the guards.
    let is_no_header = token.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') && answer.status == 400;
    is_no_header || (answer.status == 401 && answer.code() == code)
}

#[actix_web::test]
async fn an_app_without_a_verifier_lets_nobody_in() {
    use actix_web::{
        App,
        test::{TestRequest, call_service, init_service},
        web,
    };
    let app = init_service(App::new().route("/", web::get().to(servers::anybody))).await;
    for request in [TestRequest::default(), TestRequest::default().insert_header(("authorization", "Bearer a.b.c"))] {
        assert_eq!(call_service(&app, request.to_request()).await.status(), 500);
    }
}

/// Records what it learns.
#[derive(Default)]
struct Noted {
    accepted: AtomicUsize,
    rejected: Mutex<Vec<Rejection>>,
}

impl Observer for Noted {
    fn token_judged(&self, verdict: Result<&VerifiedToken, &Rejection>) {
        match verdict {
            Ok(_) => drop(self.accepted.fetch_add(1, Ordering::SeqCst)),
            Err(rejection) => self.rejected.lock().expect("nobody has panicked").push(rejection.clone()),
        }
    }
}

#[tokio::test]
async fn an_observer_learns_what_becomes_of_every_request() {
    let noted = Arc::new(Noted::default());
    let authority: Arc<dyn Authenticate> = authority(Arc::clone(&noted) as Arc<dyn Observer>);
    let good = format!("Bearer {}", token());
    for credentials in [&[good.as_bytes()][..], &[], &[b"Bearer a b"], &[b"Bearer a.b.c"]] {
        drop(jeton_verifier::guard::admit(&*authority, credentials.iter().copied()).await);
    }
    assert_eq!(noted.accepted.load(Ordering::SeqCst), 1);
    let rejected: Vec<&str> = noted.rejected.lock().expect("nobody has panicked").iter().map(Rejection::code).collect();
    assert_eq!(rejected, ["token_missing", "token_invalid", "token_invalid"]);
}
