//! Tokens that name a key which is not known yet.

use super::{publisher::Answer, *};
use crate::{Flaw, Refusal};
use futures_util::future::join_all;

const UNKNOWN: Result<(), Rejection> = Err(Rejection::Refused(Refusal::UnknownKey));

/// Keys that were fetched once.
async fn fetched_once(publisher: &TestPublisher, pace: Pace) -> Arc<PublishedKeys> {
    let keys = follow(publisher, pace).await;
    eventually("the first key", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    assert_eq!(publisher.asked().len(), 1);
    keys
}

#[actix_web::test]
async fn twenty_tokens_of_a_new_key_wait_for_one_fetch_and_are_let_in() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, pace()).await;
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::usual(), Issuer::other()])));
    let verdicts = join_all((0..20).map(|_| verdict(&keys, Issuer::other()))).await;
    assert_eq!(verdicts, vec![Ok(()); 20]);
    assert_eq!(publisher.asked().len(), 2);
}

#[actix_web::test]
async fn tokens_of_keys_that_nobody_publishes_cause_one_fetch_per_cooldown() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, pace()).await;
    for _ in 0..3 {
        let verdicts = join_all((0..20).map(|_| verdict(&keys, Issuer::other()))).await;
        assert_eq!(verdicts, [UNKNOWN; 20]);
    }
    assert_eq!(publisher.asked().len(), 2);
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
}

#[actix_web::test]
async fn a_fetch_that_fails_starts_the_cooldown_too() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let patient = Pace { retry: LONG, longest_retry: LONG, ..pace() };
    let keys = fetched_once(&publisher, patient).await;
    publisher.now_answers(Answer::status(500));
    for _ in 0..3 {
        assert_eq!(verdict(&keys, Issuer::other()).await, UNKNOWN);
    }
    assert_eq!(publisher.asked().len(), 2);
}

#[actix_web::test]
async fn after_the_cooldown_a_new_key_is_asked_for_again() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, Pace { cooldown: Duration::ZERO, ..pace() }).await;
    assert_eq!(verdict(&keys, Issuer::other()).await, UNKNOWN);
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::usual(), Issuer::other()])));
    assert_eq!(verdict(&keys, Issuer::other()).await, Ok(()));
    assert_eq!(publisher.asked().len(), 3);
}

#[actix_web::test]
async fn only_a_token_that_is_otherwise_in_order_causes_a_fetch() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, pace()).await;
    let mut elsewhere = claims(NOW);
    elsewhere["aud"] = json!("mail");
    for token in
        [Issuer::other().token_of(&claims(NOW - 3000)), Issuer::other().token_of(&elsewhere), "a.b.c".to_owned()]
    {
        assert!(keys.authenticate(&token).await.is_err());
    }
    assert_eq!(publisher.asked().len(), 1);
}

#[actix_web::test]
async fn an_etag_that_never_changes_does_not_hide_a_new_key() {
    let tagged = |jwks: String| Answer::good(jwks).with("etag", "\"always the same\"");
    let publisher = TestPublisher::that_answers(tagged(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, Pace { cooldown: Duration::ZERO, ..pace() }).await;
    publisher.now_answers(tagged(jwks_of(&[Issuer::usual(), Issuer::other()])));
    assert_eq!(verdict(&keys, Issuer::other()).await, Ok(()));
    assert_eq!(publisher.asked(), [None, None], "the whole set was asked for");
}

#[actix_web::test]
async fn an_unconditional_request_cannot_be_answered_with_not_modified() {
    let publisher =
        TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()).with("etag", "\"v1\""));
    let patient = Pace { cooldown: Duration::ZERO, retry: LONG, longest_retry: LONG, ..pace() };
    let keys = fetched_once(&publisher, patient).await;
    publisher.now_answers(Answer::status(304));
    assert_eq!(verdict(&keys, Issuer::other()).await, UNKNOWN);
    assert!(keys.held().expect("keys").is_in_doubt);
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
}

#[actix_web::test]
async fn forged_tokens_that_call_themselves_expired_are_invalid_and_cause_no_fetch() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, pace()).await;
    let verdict = keys.authenticate(&Issuer::other().token_of(&claims(NOW - 3000))).await.map(|_| ());
    assert_eq!(verdict, Err(Rejection::Refused(Refusal::Invalid(Flaw::UnknownKey))));
    let known = keys.authenticate(&Issuer::usual().token_of(&claims(NOW - 3000))).await.map(|_| ());
    assert_eq!(known, Err(Rejection::Refused(Refusal::Expired)));
    assert_eq!(publisher.asked().len(), 1);
}

#[actix_web::test]
async fn only_a_fetch_for_an_unknown_key_goes_past_caches() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let keys = fetched_once(&publisher, pace()).await;
    assert_eq!(verdict(&keys, Issuer::other()).await, UNKNOWN);
    assert_eq!(publisher.went_past_caches(), [false, true]);
}

#[actix_web::test]
async fn it_is_said_which_keys_come_and_go() {
    let log = Logged::begin();
    let publisher = TestPublisher::that_answers(Answer::good(jwks_of(&[Issuer::usual()])));
    let _keys = follow(&publisher, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("the first", async || log.times("verification keys are available") == 1).await;
    let [usual, other] = [Issuer::usual(), Issuer::other()].map(|issuer| issuer.public_key()["kid"].to_string());
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::usual(), Issuer::other()])));
    eventually("the second", async || log.times(&format!("came=[{other}] went=[]")) == 1).await;
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::other()])));
    eventually("the first goes", async || log.times(&format!("came=[] went=[{usual}]")) == 1).await;
    let asked = publisher.asked().len();
    eventually("some questions", async || publisher.asked().len() > asked + 4).await;
    assert_eq!(log.times("the keys have changed"), 2);
}
