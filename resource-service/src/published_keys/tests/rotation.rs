//! Tokens that name a key which is not known yet.

use super::{publisher::Answer, *};
use futures_util::future::join_all;
use shared::access_token::Refusal;

const UNKNOWN: Result<(), Rejection> = Err(Rejection::Refused(Refusal::UnknownKey));

/// Keys that were fetched once.
async fn fetched_once(publisher: &TestPublisher, pace: Pace) -> Arc<PublishedKeys> {
    let keys = follow(publisher, pace);
    eventually("the first key", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    assert_eq!(publisher.asked().len(), 1);
    keys
}

#[actix_web::test]
async fn twenty_tokens_of_a_new_key_wait_for_one_fetch_and_are_let_in() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
    let keys = fetched_once(&publisher, pace()).await;
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::usual(), Issuer::other()])));
    let verdicts = join_all((0..20).map(|_| verdict(&keys, Issuer::other()))).await;
    assert_eq!(verdicts, [Ok(()); 20]);
    assert_eq!(publisher.asked().len(), 2);
}

#[actix_web::test]
async fn tokens_of_keys_that_nobody_publishes_cause_one_fetch_per_cooldown() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
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
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
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
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
    let keys = fetched_once(&publisher, Pace { cooldown: Duration::ZERO, ..pace() }).await;
    assert_eq!(verdict(&keys, Issuer::other()).await, UNKNOWN);
    publisher.now_answers(Answer::good(jwks_of(&[Issuer::usual(), Issuer::other()])));
    assert_eq!(verdict(&keys, Issuer::other()).await, Ok(()));
    assert_eq!(publisher.asked().len(), 3);
}

#[actix_web::test]
async fn only_a_token_that_is_otherwise_in_order_causes_a_fetch() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
    let keys = fetched_once(&publisher, pace()).await;
    let mut elsewhere = claims(NOW);
    elsewhere["aud"] = json!("mail");
    for token in [Issuer::other().token(&claims(NOW - 3000)), Issuer::other().token(&elsewhere), "a.b.c".to_owned()] {
        assert!(keys.authenticate(&token).await.is_err());
    }
    assert_eq!(publisher.asked().len(), 1);
}
