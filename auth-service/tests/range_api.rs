//! What is asked of the range API of breached passwords, and what becomes of its answers and of their absence.

use auth_service::{
    breached_passwords::RangeApi as Client,
    domain::passwords::{
        Password,
        breached::{BreachedPasswords as _, NoAnswer, PasswordSha1},
    },
};
use futures_util::future::join_all;
use harness::range_api::{Manner, RangeApi};
use std::net::TcpListener;
use url::Url;

const LISTED: &str = "grumpy-otter-42";

fn sha1(password: &str) -> PasswordSha1 {
    PasswordSha1::of(&Password::new(password.to_owned()))
}

fn digits(password: &str) -> String {
    sha1(password).expose().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn api(manner: Manner) -> RangeApi {
    RangeApi::start(manner, &[(digits(LISTED), 3), (digits("padding"), 0)])
}

fn client(url: &str) -> Client {
    Client::at(Url::parse(url).expect("a URL")).unwrap_or_else(|reason| panic!("{reason}"))
}

async fn lookup(client: &Client, password: &str) -> Result<bool, NoAnswer> {
    client.contain(&sha1(password)).await
}

#[tokio::test]
async fn a_password_is_looked_up_by_five_digits_among_padding() {
    let api = api(Manner::Well);
    let client = client(&api.url());
    assert_eq!(lookup(&client, LISTED).await, Ok(true));
    assert_eq!(lookup(&client, "padding").await, Ok(false), "an entry without a count is padding");
    assert_eq!(lookup(&client, "unheard-of").await, Ok(false));
    let received = api.received();
    assert_eq!(received.len(), 3);
    for (request, password) in received.iter().zip([LISTED, "padding", "unheard-of"]) {
        assert_eq!((&*request.method, &*request.target), ("GET", &*format!("/range/{}", &digits(password)[..5])));
        assert_eq!(request.header("add-padding"), ["true"]);
        let [agent] = request.header("user-agent")[..] else { panic!("one user agent: {request}") };
        assert!(agent.starts_with("jeton"), "the API asks for one: {request}");
        assert!(!request.to_string().contains(&digits(password)[5..]) && request.body.is_empty(), "{request}");
    }
}

#[tokio::test]
async fn an_api_that_answers_wrongly_is_asked_twice_and_never_believed() {
    for (manner, words) in [
        (Manner::Status(500), "answers 500"),
        (Manner::Status(429), "answers 429"),
        (Manner::Status(404), "answers 404"),
        (Manner::Status(201), "answers 201"),
        (Manner::Redirects, "answers 302"),
        (Manner::Garbage, "not a list"),
        (Manner::Endless, "too long"),
        (Manner::HangsUp, "connection"),
    ] {
        let api = api(manner);
        let Err(NoAnswer(reason)) = lookup(&client(&api.url()), LISTED).await else { panic!("{manner:?} is believed") };
        assert!(reason.contains(words), "{manner:?}: {reason}");
        let targets: Vec<String> = api.received().into_iter().map(|request| request.target).collect();
        assert_eq!(targets, vec![format!("/range/{}", &digits(LISTED)[..5]); 2], "{manner:?}");
    }
}

#[tokio::test]
async fn an_api_that_does_not_finish_is_given_up_after_a_second() {
    for manner in [Manner::Silent, Manner::Drips] {
        let api = api(manner);
        let answer = lookup(&client(&api.url()), LISTED).await;
        assert_eq!(answer, Err(NoAnswer("no answer within 1 s".to_owned())), "{manner:?}");
        assert!(api.received().len() <= 2, "{manner:?}");
    }
}

#[tokio::test]
async fn one_lost_answer_is_made_up_for_by_a_second_request() {
    let api = api(Manner::LosesTheFirst);
    assert_eq!(lookup(&client(&api.url()), LISTED).await, Ok(true));
    assert_eq!(api.received().len(), 2);
}

#[tokio::test]
async fn an_api_that_recovers_is_asked_again() {
    let api = api(Manner::Status(503));
    let client = client(&api.url());
    assert!(lookup(&client, LISTED).await.is_err());
    api.becomes(Manner::Well);
    assert_eq!(lookup(&client, LISTED).await, Ok(true));
}

#[tokio::test]
async fn however_many_passwords_are_set_at_once_few_requests_are_under_way() {
    let api = api(Manner::Silent);
    let client = client(&api.url());
    let answers = join_all((0..200).map(|_| lookup(&client, LISTED))).await;
    assert!(answers.iter().all(Result::is_err));
    // Of 400. Whoever gets a place in the last moment of its second asks too.
    assert!(api.received().len() < 100, "{}", api.received().len());
    api.becomes(Manner::Well);
    let answers = join_all((0..200).map(|_| lookup(&client, LISTED))).await;
    assert!(answers.iter().filter(|answer| **answer == Ok(true)).count() > 16, "places are given back: {answers:?}");
}

#[tokio::test]
async fn what_is_secret_in_the_url_of_a_mirror_is_sent_to_it_and_in_no_reason() {
    let mirror = api(Manner::Status(500));
    let url = format!("http://reader:hunter2@127.0.0.1:{}/range/?key=hunter2", mirror.port());
    let Err(NoAnswer(reason)) = lookup(&client(&url), LISTED).await else { panic!("500 is believed") };
    assert!(!reason.contains("hunter2"), "{reason}");
    mirror.becomes(Manner::Well);
    assert_eq!(lookup(&client(&url), LISTED).await, Ok(true));
    let last = mirror.received().pop().expect("a request");
    assert_eq!(last.target, format!("/range/{}?key=hunter2", &digits(LISTED)[..5]));
    assert!(last.header("authorization")[0].starts_with("Basic "), "{last}");

    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let url = format!("http://reader:hunter2@{nobody}/range?key=hunter2");
    let Err(NoAnswer(reason)) = lookup(&client(&url), LISTED).await else { panic!("nobody is believed") };
    assert!(reason.contains("refused") && !reason.contains("hunter2"), "{reason}");
}
