//! What is accepted from a publisher, and what is not.

use super::{publisher::Answer, *};
use crate::keys::{Origin, StartError};

#[actix_web::test]
async fn without_any_key_the_verdict_is_unavailable_and_keys_are_found_without_a_restart() {
    let publisher = TestPublisher::that_answers(Answer::status(500));
    let keys = follow(&publisher, pace()).await;
    eventually("three attempts", async || publisher.asked().len() >= 3).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Err(Rejection::KeysUnavailable));
    publisher.now_answers(Answer::good(Issuer::usual().key_set().to_string()));
    eventually("the key is there", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    assert_eq!(keys.held().expect("keys").source, Origin::Published);
}

#[actix_web::test]
async fn no_bad_answer_replaces_good_keys() {
    let publisher = TestPublisher::that_answers(
        Answer::good(Issuer::usual().key_set().to_string()).with("cache-control", "max-age=0"),
    );
    let elsewhere = TestPublisher::that_answers(Answer::good(Issuer::other().key_set().to_string()));
    let keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("the key is there", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    let private = Issuer::other().key_set().to_string().replace("\"e\"", "\"d\":\"AQAB\",\"e\"");
    let huge = format!("{}{}", Issuer::other().key_set(), " ".repeat(300 * 1024));
    for bad in [
        Answer::status(500),
        Answer::status(404),
        Answer { status: 203, ..Answer::good(Issuer::other().key_set().to_string()) },
        Answer { status: 500, ..Answer::good(Issuer::other().key_set().to_string()) },
        Answer::status(304),
        Answer::status(302).with("location", elsewhere.url().as_str()),
        Answer::status(307).with("location", elsewhere.url().as_str()),
        Answer::good(""),
        Answer::good("<html>down for maintenance</html>"),
        Answer::good(r#"{"keys":[]}"#),
        Answer::good(private),
        Answer::good(huge),
    ] {
        publisher.now_answers(bad.clone());
        let before = publisher.asked().len();
        eventually("two more attempts", async || publisher.asked().len() > before + 1).await;
        assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()), "after {} {:.20}", bad.status, bad.body);
    }
    assert!(elsewhere.asked().is_empty(), "a redirect was followed");
}

#[actix_web::test]
async fn unchanged_keys_are_asked_for_by_their_etag_and_confirmed() {
    let good = Answer::good(Issuer::usual().key_set().to_string()).with("etag", "\"v1\"");
    let publisher = TestPublisher::that_answers(good);
    let clock = clock();
    let source = published_at(publisher.url(), None);
    let keys = start(source, &clock, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("the key is there", async || keys.held().is_some()).await;
    clock.advance(Duration::from_secs(30));
    eventually("confirmed", async || keys.held().is_some_and(|held| held.age < Duration::from_secs(30))).await;
    let asked = publisher.asked();
    assert_eq!(asked[0], None);
    assert_eq!(asked[1].as_deref(), Some("\"v1\""));
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
}

#[actix_web::test]
async fn a_key_that_is_no_longer_published_is_no_longer_used() {
    let publisher = TestPublisher::that_answers(Answer::good(jwks_of(&[Issuer::usual(), Issuer::other()])));
    let keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("both keys", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    publisher.now_answers(Answer::good(Issuer::other().key_set().to_string()));
    eventually("one is gone", async || verdict(&keys, Issuer::usual()).await.is_err()).await;
    assert_eq!(verdict(&keys, Issuer::other()).await, Ok(()));
}

#[actix_web::test]
async fn an_answer_that_a_cache_has_kept_for_its_max_age_is_soon_fetched_again() {
    let publisher =
        TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()).with("age", "3600"));
    let keys = follow(&publisher, pace()).await;
    eventually("three questions", async || publisher.asked().len() >= 3).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
}

#[actix_web::test]
async fn a_key_set_has_at_most_256_kib_and_says_whose_it_is() {
    let publisher = TestPublisher::that_answers(Answer::good(padded(256 * 1024)));
    let keys = follow(&publisher, pace()).await;
    eventually("the largest set is used", async || keys.held().is_some()).await;
    assert!(format!("{keys:?}").contains("Published"), "{keys:?}");
    let publisher = TestPublisher::that_answers(Answer::good(padded(256 * 1024 + 1)));
    let keys = follow(&publisher, pace()).await;
    eventually("it was asked for twice", async || publisher.asked().len() >= 2).await;
    assert!(keys.held().is_none(), "a larger one is not");
}

#[actix_web::test]
async fn an_unchanged_set_without_a_new_age_keeps_the_one_it_had() {
    let publisher = TestPublisher::that_answers(
        Answer::good(Issuer::usual().key_set().to_string()).with("etag", "\"v1\"").with("age", "3600"),
    );
    let _keys = follow(&publisher, pace()).await;
    eventually("it was confirmed", async || publisher.asked().len() >= 2).await;
    let asked = publisher.asked().len();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(publisher.asked().len() <= asked + 1, "an hour is left");
}

#[actix_web::test]
async fn an_etag_that_is_too_long_or_not_text_is_not_sent_back() {
    for tag in [format!("\"{}\"", "x".repeat(5000)), "\"caf\u{e9}\"".to_owned()] {
        let publisher =
            TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()).with("etag", tag));
        let keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
        eventually("three questions", async || publisher.asked().len() >= 3).await;
        assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
    }
}

#[actix_web::test]
async fn after_a_failure_the_whole_set_is_asked_for() {
    let good = || Answer::good(Issuer::usual().key_set().to_string()).with("etag", "\"v1\"");
    let publisher = TestPublisher::that_answers(good());
    let keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("the key is there", async || keys.held().is_some()).await;
    publisher.now_answers(Answer::status(431));
    eventually("it has failed", async || keys.held().expect("keys").is_in_doubt).await;
    publisher.now_answers(good());
    eventually("it is confirmed", async || !keys.held().expect("keys").is_in_doubt).await;
    let asked = publisher.asked();
    let failed = asked.iter().rposition(Option::is_none).expect("the whole set was asked for");
    assert!(failed > 0, "{asked:?}");
}

#[actix_web::test]
async fn dropping_the_keys_ends_their_background_task() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("two questions", async || publisher.asked().len() >= 2).await;
    let state = Arc::downgrade(&keys.state);
    drop(keys);
    eventually("nobody holds them", async || state.strong_count() == 0).await;
    let asked = publisher.asked().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(publisher.asked().len() <= asked + 1, "at most the request that was under way");
}

#[test]
fn without_a_runtime_keys_cannot_be_started() {
    let source = KeySource::of_issuer(ISSUER).expect("a URL");
    let started = futures_util::FutureExt::now_or_never(Config::new(ISSUER, AUDIENCE, source).start());
    assert_eq!(started.map(|started| started.err()), Some(Some(StartError::NoRuntime)));
}

#[derive(Default)]
struct Counts([std::sync::atomic::AtomicUsize; 2]);

impl crate::Observer for Counts {
    fn keys_fetched(&self, outcome: Result<(), &crate::keys::FetchError>) {
        self.0[usize::from(outcome.is_err())].fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[actix_web::test]
async fn an_observer_learns_what_came_of_each_fetch() {
    let publisher = TestPublisher::that_answers(Answer::status(500));
    let counts = Arc::new(Counts::default());
    let config = Config::new(ISSUER, AUDIENCE, published_at(publisher.url(), None));
    let config = config.observer(Arc::clone(&counts) as _).without_revocations();
    let _keys = PublishedKeys::start(config, Paces { keys: pace(), ..Paces::default() }).await.expect("an HTTP client");
    let count = |outcome: usize| counts.0[outcome].load(std::sync::atomic::Ordering::SeqCst);
    eventually("failures", async || count(1) >= 2).await;
    assert_eq!(count(0), 0);
    publisher.now_answers(Answer::good(Issuer::usual().key_set().to_string()));
    eventually("a success", async || count(0) == 1).await;
}

#[actix_web::test]
async fn each_reason_for_failures_is_a_warning_once_until_fetches_work_again() {
    let log = Logged::begin();
    let good = || Answer::good(Issuer::usual().key_set().to_string());
    let publisher = TestPublisher::that_answers(good());
    let keys = follow(&publisher, Pace { longest: Duration::ZERO, longest_retry: Duration::ZERO, ..pace() }).await;
    let four_more = async || {
        let asked = publisher.asked().len();
        eventually("four more questions", async || publisher.asked().len() >= asked + 4).await;
    };
    four_more().await;
    assert!(keys.held().is_some());
    for (status, warnings) in [(500, 1), (404, 2), (500, 2)] {
        publisher.now_answers(Answer::status(status));
        four_more().await;
        assert_eq!(log.times(" cannot fetch keys:"), warnings, "{status}");
    }
    assert!(log.times("still cannot fetch keys") > 0);
    assert_eq!(log.times("fetching keys works again"), 0);
    publisher.now_answers(good());
    four_more().await;
    assert_eq!(log.times("fetching keys works again"), 1);
    publisher.now_answers(Answer::status(500));
    four_more().await;
    assert_eq!(log.times(" cannot fetch keys:"), 3);
}

#[actix_web::test]
async fn published_keys_that_are_not_used_are_said_once_and_when_all_are_used_again() {
    let log = Logged::begin();
    let weak = json!({ "kty": "RSA", "kid": "weak", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB" });
    let both = json!({ "keys": [Issuer::usual().public_key(), weak] });
    let publisher = TestPublisher::that_answers(Answer::good(both.to_string()));
    let keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("some questions", async || publisher.asked().len() > 4).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
    assert_eq!(log.times("some published keys are not used"), 1);
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::usual()])));
    eventually("it is said", async || log.times("all published keys are used") == 1).await;
}
