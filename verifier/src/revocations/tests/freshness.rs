//! How old the knowledge is, and who minds.

use super::*;
use crate::{
    clock::Timestamp,
    guard::{admit, fresh_enough},
    keys::{Origin, state::State},
    revocations::{Reader, Revocations, source::Source},
};
use std::time::Instant;

async fn admitted(keys: &PublishedKeys, token: &str) -> Result<(), Rejection> {
    admit(keys, [format!("Bearer {token}").as_bytes()]).await.map(|_| ())
}

#[actix_web::test]
async fn with_a_frozen_feed_fresh_scopes_are_unavailable_after_the_bound_and_nothing_else_changes() {
    let issuer = TestIssuer::start();
    issuer.ends(session("ended"));
    let chosen = start(config(&issuer, None).fresh_scopes(["users:write"]), hurry()).await;
    let strict = start(config(&issuer, None).fresh_scopes(["*"]), hurry()).await;
    let lax = follow(&issuer).await;
    is_up_to_date(&chosen).await;
    is_up_to_date(&strict).await;
    let (good, ended) = (of_session("good"), of_session("ended"));
    assert_eq!(fresh_enough(&*chosen, Some("users:write")), Ok(()));
    assert_eq!(admitted(&strict, &good).await, Ok(()));
    // Frozen: the same page again and again.
    issuer.behaves(Manner::Says(issuer.page(issuer.last())));
    let began = Instant::now();
    let stale = Err(Rejection::RevocationsStale);
    eventually("it is stale", async || fresh_enough(&*chosen, Some("users:write")) == stale).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "not before the bound: {:?}", began.elapsed());
    eventually("for everything", async || admitted(&strict, &good).await == stale).await;
    assert_eq!(fresh_enough(&*chosen, Some("books:read")), Ok(()));
    assert_eq!(fresh_enough(&*chosen, None), Ok(()));
    eventually("all are behind", async || lax.feed().is_some_and(|feed| feed.is_behind)).await;
    for keys in [&chosen, &lax] {
        assert_eq!((admitted(keys, &good).await, admitted(keys, &ended).await), (Ok(()), ENDED));
    }
    assert_eq!(admitted(&strict, &ended).await, ENDED, "what has ended is refused, and not put off");
    assert_eq!(Rejection::RevocationsStale.status(), 503);
    issuer.behaves(Manner::Sound);
    is_up_to_date(&chosen).await;
    assert_eq!(fresh_enough(&*chosen, Some("users:write")), Ok(()));
}

#[actix_web::test]
async fn a_replayed_page_earns_no_freshness_and_is_said_once() {
    let log = Logged::begin();
    let issuer = TestIssuer::start();
    let old = issuer.page(issuer.last());
    let keys = follow(&issuer).await;
    issuer.behaves(Manner::Says(old));
    eventually("it is said", async || log.times("shows an older page than before") == 1).await;
    let age = || keys.feed().expect("a feed").age.expect("it was read");
    let before = age();
    let asked = issuer.asked().len();
    eventually("ten answers", async || issuer.asked().len() > asked + 10).await;
    assert!(age() > before);
    eventually("it is behind", async || keys.feed().is_some_and(|feed| feed.is_behind)).await;
    assert_eq!(log.times("shows an older page than before"), 1);
}

#[actix_web::test]
async fn the_age_counts_from_the_question_and_is_unknown_before_the_end_of_the_first_reading() {
    let issuer = TestIssuer::start();
    issuer.behaves(Manner::Changed(|_, page| {
        page["to"] = (page["after"].as_u64().expect("a number") + 1).into();
        page["more"] = true.into();
    }));
    let keys = start(config(&issuer, None), hurry()).await;
    eventually("some pages", async || issuer.asked().len() > 5).await;
    assert_eq!(keys.feed().expect("a feed").age, None);
    assert!(!keys.is_fresh());
    issuer.behaves(Manner::Sound);
    is_up_to_date(&keys).await;
    // The feed waits for a second: each answer is that old when it arrives.
    let age = || keys.feed().expect("a feed").age.expect("it was read");
    eventually("a heartbeat", async || age() >= Duration::from_secs(1)).await;
    for _ in 0..400 {
        assert!(age() >= Duration::from_millis(900), "{:?}", age());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(issuer.asked().iter().any(|asked| asked.wait == 1), "a third of the bound");
}

#[actix_web::test]
async fn freshness_without_a_feed_is_a_mistake_that_is_said_and_never_served() {
    let log = Logged::begin();
    let issuer = TestIssuer::start();
    let keys = start(config(&issuer, None).without_revocations().fresh_scopes(["users:write"]), hurry()).await;
    eventually("the keys are there", async || keys.held().is_some()).await;
    assert_eq!(log.times("it is never served"), 1);
    assert!(keys.feed().is_none());
    assert_eq!(fresh_enough(&*keys, Some("users:write")), Err(Rejection::RevocationsStale));
    assert_eq!(admitted(&keys, &of_session("1")).await, Ok(()));
    assert_eq!(log.times("it is never served"), 1);
    assert!(issuer.asked().is_empty());
}

#[actix_web::test]
async fn more_than_can_be_held_is_left_out_and_counted_and_the_feed_is_behind_until_there_is_room() {
    let log = Logged::begin();
    let issuer = TestIssuer::start();
    (0..10).for_each(|number| issuer.ends(session(&number.to_string())));
    let revocations = Revocations::with_limits(BOUND, Limits { entries: 10, delta: 4 });
    let verifier = crate::Verifier::new(ISSUER, AUDIENCE, Arc::new(clock()));
    let observer = Arc::new(crate::Unobserved);
    let state = State::without_keys(verifier, Arc::new(clock()), observer, None, Some(Arc::clone(&revocations)));
    let keys = crate::KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a key set");
    state.replace(Arc::new(keys), Origin::Pinned, Timestamp::from_secs(NOW));
    let feed = crate::keys::Address::from(issuer.keys_url()).of_feed(ISSUER).expect("a URL");
    let wait = Duration::from_secs(1);
    let source = Source::at(feed, wait).expect("a client");
    let pace = Pace { full: Duration::from_millis(50), ..hurry() };
    let reader = Reader::of(Arc::clone(&state), Arc::clone(&revocations), source, ISSUER, wait, pace);
    let task = tokio::spawn(reader.follow(None));
    eventually("ten fit", async || !revocations.feed().is_behind).await;
    assert_eq!(revocations.feed().entries, 10);
    issuer.ends(json!({ "h": name("sid", "one too many"), "u": 900 }));
    issuer.ends(session("3"));
    eventually("it is counted", async || revocations.feed().left_out > 0).await;
    eventually("it is behind", async || revocations.feed().is_behind).await;
    assert_eq!(revocations.feed().entries, 10);
    let ended = state.authenticate(&of_session("3")).await.map(|_| ());
    assert_eq!(ended, ENDED, "what is held stays in force");
    assert_eq!(log.times("more than can be held"), 1);
    issuer.is_restored();
    eventually("it is read without", async || !revocations.feed().is_behind).await;
    task.abort();
}
