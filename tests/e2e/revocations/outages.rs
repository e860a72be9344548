//! Stores that are down: the feed says nothing that it does not know, and goes on.

use super::feed::{Ended, Reader, question};
use crate::stores;
use harness::{Answer, Stack, Storage, assert_problem, eventually, forge};
use sqlx::Connection as _;
use std::time::Duration;
use tokio::{task::JoinHandle, time::sleep};

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
    let waiting = waits(&stack, reader.cursor);
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
    let [phone, tablet, laptop] = [ada.another_device().await, ada.another_device().await, ada.another_device().await];
    let mut reader = Reader::caught_up(&stack).await;
    stack.redis().flush();
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    stack.auth.logout(&tablet).await.expect(204);
    let ended = stack.auth.command(&["sessions", "end", &ada.email, &laptop.session_id]).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all = |held: &Ended| [&phone, &tablet, &laptop].iter().all(|tokens| held.refuses(&tokens.access));
    reader.within_a_second(&stack.auth, "a forgotten session's end", all).await;
    assert!(!reader.held.refuses(&ada.tokens.access));
}

/// Waits until a question is answered 503, and checks that no answer before claims to be true after `down`.
async fn says_that_it_knows_nothing_new(stack: &Stack, reader: &Reader, down: u64) {
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
}

async fn goes_on(stack: &Stack, reader: &Reader) {
    eventually("a database that is back is used", RECOVERY, async || {
        let answer = stack.auth.once().get(&question(reader.cursor, 0)).send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

fn waits(stack: &Stack, cursor: u64) -> JoinHandle<Answer> {
    let request = stack.auth.once().get(&question(cursor, 15));
    tokio::spawn(async move { request.try_send().await.expect("an answer") })
}

fn now() -> u64 {
    u64::try_from(forge::now()).expect("after 1970")
}

#[tokio::test]
async fn while_the_database_is_down_the_feed_says_so_and_then_goes_on() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).with_own_postgres().unlimited().start_auth().await;
    let people = [stack.ada().await, stack.bob().await];
    let mut reader = Reader::caught_up(&stack).await;
    for person in &people {
        let readers: Vec<_> = (0..10).map(|_| waits(&stack, reader.cursor)).collect();
        // Long enough for them to wait; one that comes later is answered the same.
        sleep(Duration::from_millis(500)).await;
        let down = now();
        stack.postgres().kill();
        says_that_it_knows_nothing_new(&stack, &reader, down).await;
        for waiting in readers {
            assert_problem(&waiting.await.expect("no panic"), 503, "unavailable");
        }
        assert_problem(&waits(&stack, reader.cursor).await.expect("no panic"), 503, "unavailable");

        stack.postgres().restart();
        goes_on(&stack, &reader).await;
        eventually("sessions end", RECOVERY, async || {
            (stack.auth.once().logout(&person.tokens).await.status == 204).then_some(())
        })
        .await;
        let page = reader.page(&stack.auth, reader.cursor, 15).await;
        assert_eq!(page.ended.len(), 1, "{page:?}");
        reader.take(&page);
        assert!(reader.held.refuses(&person.tokens.access) && reader.restarts == 0);
    }
}

/// The database takes connections, and does not answer.
#[tokio::test]
async fn while_the_log_cannot_be_read_the_feed_claims_nothing() {
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().start_auth().await;
    let ada = stack.ada().await;
    let mut reader = Reader::caught_up(&stack).await;
    let waiting = waits(&stack, reader.cursor);
    let mut database = stores::open(&stores::database(&stack).1).await;
    let mut lock = database.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE endings IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("it is locked");
    says_that_it_knows_nothing_new(&stack, &reader, now()).await;
    assert_problem(&waiting.await.expect("no panic"), 503, "unavailable");
    lock.rollback().await.expect("it is unlocked");
    goes_on(&stack, &reader).await;
    stack.auth.logout(&ada.tokens).await.expect(204);
    reader.within_a_second(&stack.auth, "a logout", |held| held.refuses(&ada.tokens.access)).await;
}
