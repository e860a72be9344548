//! auth-service restarted: the feed forgets nothing.

use super::feed::Reader;
use crate::stores;
use harness::{Stack, Storage};
use std::time::{Duration, Instant};

on_every_storage! {
    what_had_ended_before_a_restart_is_still_in_the_feed,
    an_entry_outlives_tokens_from_before_a_shorter_lifetime_was_set,
    a_restart_after_everything_has_expired_sends_no_reader_back,
}

async fn what_had_ended_before_a_restart_is_still_in_the_feed(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().start_auth().await;
    let (ada, bob, eve) = (stack.ada().await, stack.bob().await, stack.person("eve").await);
    let mut reader = Reader::of(&stack);
    for (person, is_killed) in [(&ada, false), (&bob, true)] {
        let before = reader.cursor;
        stack.auth.logout(&person.tokens).await.expect(204);
        if is_killed {
            stack.auth.kill();
            stack.auth.start().await;
        } else {
            stack.auth.restart().await;
        }
        reader
            .within_a_second(&stack.auth, "an ending before a restart", |held| held.refuses(&person.tokens.access))
            .await;
        assert!(reader.cursor > before, "numbers go on rising");
    }
    let again = Reader::caught_up(&stack).await;
    assert!([&ada, &bob].iter().all(|person| again.held.refuses(&person.tokens.access)));
    assert!(!again.held.refuses(&eve.tokens.access));
    assert_eq!((again.cursor, reader.restarts), (reader.cursor, 0));
}

/// Verifiers forget an entry when it says so, and must not before the last token has expired.
async fn an_entry_outlives_tokens_from_before_a_shorter_lifetime_was_set(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().auth("AUTH_ACCESS_TTL", "50m").start_auth().await;
    let (ada, bob, eve) = (stack.ada().await, stack.bob().await, stack.person("eve").await);
    stack.auth.set("AUTH_ACCESS_TTL", "1m");
    stack.auth.restart().await;
    stack.auth.logout(&ada.tokens).await.expect(204);
    stack.auth.logout_all(&bob.tokens).await.expect(204);
    let mut reader = Reader::of(&stack);
    let (one, all) = (&ada.tokens, &bob.tokens);
    reader
        .within_a_second(&stack.auth, "a logout", |held| held.refuses(&one.access) && held.refuses(&all.access))
        .await;
    assert_eq!(stack.auth.command(&["sessions", "end-all"]).ended().await.code, Some(0));
    let everybody = &eve.tokens.access;
    reader.within_a_second(&stack.auth, "the end of all", |held| held.refuses(everybody)).await;
    for tokens in [one, all, &eve.tokens] {
        let until = reader.held.refuses_until(&tokens.access);
        assert!(until >= tokens.claims()["exp"].as_u64(), "{until:?}: {}", tokens.claims());
    }
}

/// Entries go when the last token that they name has expired: the numbers that readers hold stay numbers of the past.
async fn a_restart_after_everything_has_expired_sends_no_reader_back(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().start_auth().await;
    let replica = stack.replica().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    stack.auth.logout(&ada.tokens).await.expect(204);
    let mut reader = Reader::of(&stack);
    for service in [&stack.auth, &replica] {
        reader.within_a_second(service, "a logout", |held| held.refuses(&ada.tokens.access)).await;
    }
    let mut database = stores::open(&stores::database(&stack).1).await;
    sqlx::query("DELETE FROM endings").execute(&mut database).await.expect("the database obeys");
    drop(database);
    stack.auth.restart().await;
    for service in [&stack.auth, &replica, &stack.auth] {
        let asked = Instant::now();
        let page = reader.page(service, reader.cursor, 1).await;
        let took = asked.elapsed();
        assert!(page.to >= reader.cursor, "a reader at {} is sent back to {} after {took:?}", reader.cursor, page.to);
        assert!(took > Duration::from_millis(500), "it waits, and is not answered after {took:?}");
        reader.take(&page);
    }
    stack.auth.logout(&bob.tokens).await.expect(204);
    reader.within_a_second(&replica, "a logout", |held| held.refuses(&bob.tokens.access)).await;
    assert_eq!(reader.restarts, 0);
}
