//! Stores that are down: the feed says nothing that it does not know, and goes on.

use super::feed::{Ended, Reader, question};
use harness::{Stack, Storage, assert_problem, eventually, forge};
use std::time::Duration;
use tokio::time::sleep;

with_redis! {
    while_redis_is_down_the_feed_goes_on,
    a_session_that_redis_forgot_is_in_the_feed_when_it_is_ended,
}

/// A store that is back is used within two seconds (docs/sessions.md).
const RECOVERY: Duration = Duration::from_secs(2);

async fn while_redis_is_down_the_feed_goes_on(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let mut reader = Reader::caught_up(&stack).await;
    stack.redis().kill();
    let waiting = tokio::spawn({
        let request = stack.auth.once().get(&question(reader.cursor, 15));
        async move { request.try_send().await.expect("an answer") }
    });
    sleep(Duration::from_millis(500)).await;
    let ended = stack.auth.command(&["sessions", "end-all"]).ended().await;
    let answer = stack.auth.once().logout(&ada.tokens).await;
    assert!(ended.code == Some(0) || answer.status == 204, "nothing was ended: {ended:?} {answer}");
    let page = waiting.await.expect("no panic");
    let page = reader.judge(&stack.auth, page, reader.cursor).await;
    assert!(!page.ended.is_empty(), "{page:?}");
    reader.take(&page);
    reader.within_a_second(&stack.auth, "a logout", |held| held.refuses(&ada.tokens.access)).await;
    assert_eq!(reader.held.refuses(&bob.tokens.access), ended.code == Some(0));
}

async fn a_session_that_redis_forgot_is_in_the_feed_when_it_is_ended(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().start_auth().await;
    let ada = stack.ada().await;
    let (phone, tablet) = (ada.another_device().await, ada.another_device().await);
    let mut reader = Reader::caught_up(&stack).await;
    stack.redis().flush();
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    stack.auth.logout(&tablet).await.expect(204);
    let both = |held: &Ended| [&phone, &tablet].iter().all(|tokens| held.refuses(&tokens.access));
    reader.within_a_second(&stack.auth, "a forgotten session's end", both).await;
    assert!(!reader.held.refuses(&ada.tokens.access));
}

#[tokio::test]
async fn while_the_database_is_down_the_feed_says_so_and_then_goes_on() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).with_own_postgres().unlimited().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let mut reader = Reader::caught_up(&stack).await;
    for round in 0..2 {
        let person = if round == 0 { &ada } else { &bob };
        let readers: Vec<_> = (0..10)
            .map(|_| {
                let request = stack.auth.once().get(&question(reader.cursor, 15));
                tokio::spawn(async move { request.try_send().await.expect("an answer") })
            })
            .collect();
        sleep(Duration::from_millis(500)).await;
        let down = u64::try_from(forge::now()).expect("after 1970");
        stack.postgres().kill();
        // Until it is noticed, what is known already may be repeated, and nothing that is newer.
        eventually("the feed says that the database is down", Duration::from_secs(5), async || {
            let answer = stack.auth.once().get(&question(reader.cursor, 0)).send().await;
            if answer.status == 200 {
                let page = reader.clone().judge(&stack.auth, answer, reader.cursor).await;
                assert!(page.iat <= down + 1, "true at {}, after the database went down at {down}", page.iat);
                return None;
            }
            assert_problem(&answer, 503, "unavailable");
            Some(())
        })
        .await;
        for waiting in readers {
            assert_problem(&waiting.await.expect("no panic"), 503, "unavailable");
        }
        let asked = std::time::Instant::now();
        let waits = stack.auth.once().get(&question(reader.cursor, 5)).send().await;
        assert_problem(&waits, 503, "unavailable");
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());

        stack.postgres().restart();
        eventually("a database that is back is used", RECOVERY, async || {
            let answer = stack.auth.once().get(&question(reader.cursor, 0)).send().await;
            (answer.status == 200).then_some(())
        })
        .await;
        eventually("and sessions end", RECOVERY, async || {
            (stack.auth.once().logout(&person.tokens).await.status == 204).then_some(())
        })
        .await;
        let page = reader.page(&stack.auth, reader.cursor, 15).await;
        assert_eq!(page.ended.len(), 1, "{page:?}");
        reader.take(&page);
        assert!(reader.held.refuses(&person.tokens.access) && reader.restarts == 0);
    }
}
