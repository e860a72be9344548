//! Readers that wait for what ends next.

use super::feed::{PROMISE, Page, Reader, question};
use crate::metrics::counted;
use futures_util::future::join_all;
use harness::{Answer, Http, Stack, Storage, eventually, lateness::Lateness, service::Service};
use std::{
    slice,
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::sleep};

on_every_storage! {
    a_waiting_reader_is_answered_within_a_second_of_an_ending_at_another_replica,
    what_is_there_already_is_answered_at_once,
}

/// As long as the harness lets an answer take, less a margin.
const LONG: u64 = 15;

/// An answer and when it came.
type Answered = (Answer, Instant);

fn asks(service: &Http, after: u64, wait: u64) -> JoinHandle<Answered> {
    let request = service.once().get(&question(after, wait));
    tokio::spawn(async move { (request.try_send().await.expect("an answer"), Instant::now()) })
}

/// Waits until their connections are open, and gives their questions the time to be read. One that comes later would be
/// answered at once, and prove less.
async fn they_wait(service: &Service, readers: &[JoinHandle<Answered>]) {
    // There is such a number once there has been a connection.
    service.key_set().await.expect(200);
    eventually("the readers are connected", Duration::from_secs(10), async || {
        let open = counted(service, r#"connections_open{socket="public"}"#).await;
        (open as usize >= readers.len()).then_some(())
    })
    .await;
    sleep(Duration::from_millis(300)).await;
    let early = readers.iter().filter(|reader| reader.is_finished()).count();
    assert_eq!(early, 0, "of {} readers", readers.len());
}

async fn a_waiting_reader_is_answered_within_a_second_of_an_ending_at_another_replica(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let replica = stack.replica().await;
    let ada = stack.ada().await;
    for (reads, writes) in [(&replica, &stack.auth), (&stack.auth, &replica)] {
        let phone = ada.another_device().await;
        let mut reader = Reader::caught_up(&stack).await;
        let waiting = asks(reads, reader.cursor, LONG);
        they_wait(reads, slice::from_ref(&waiting)).await;
        let lateness = Lateness::from_now();
        writes.logout(&phone).await.expect(204);
        let ended = Instant::now();
        let (answer, at) = waiting.await.expect("no panic");
        let page = reader.judge(reads, answer, reader.cursor).await;
        let took = at.saturating_duration_since(ended);
        assert!(took < PROMISE + lateness.so_far(), "it took {took:?}");
        reader.take(&page);
        assert!(reader.held.refuses(&phone.access), "{:?}", page.ended);
    }
}

async fn what_is_there_already_is_answered_at_once(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let ada = stack.ada().await;
    let mut reader = Reader::caught_up(&stack).await;
    stack.auth.logout(&ada.tokens).await.expect(204);
    for _ in 0..2 {
        let (asked, lateness) = (Instant::now(), Lateness::from_now());
        let page = reader.page(&stack.auth, reader.cursor, LONG).await;
        assert!(asked.elapsed() < PROMISE + lateness.so_far(), "{:?}", asked.elapsed());
        assert_eq!(page.ended.len(), 1);
    }
}

#[tokio::test]
async fn when_nothing_happens_the_answer_is_an_empty_page_after_the_wait() {
    let stack = Stack::any().start_auth().await;
    let mut reader = Reader::caught_up(&stack).await;
    let before = reader.page(&stack.auth, reader.cursor, 0).await;
    let (asked, lateness) = (Instant::now(), Lateness::from_now());
    let page = reader.page(&stack.auth, reader.cursor, 3).await;
    let took = asked.elapsed();
    assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(4) + lateness.so_far(), "{took:?}");
    assert!(page.ended.is_empty() && page.to >= reader.cursor, "{page:?}");
    assert!(page.iat > before.iat, "it is true later than the page before: {} and {}", before.iat, page.iat);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_waiting_readers_all_learn_of_one_ending() {
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_FEED_WAITERS", "2000").start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let mut reader = Reader::caught_up(&stack).await;
    let readers: Vec<_> = (0..200).map(|_| asks(&stack.auth, reader.cursor, LONG)).collect();
    they_wait(&stack.auth, &readers).await;
    let lateness = Lateness::from_now();
    stack.auth.logout(&ada.tokens).await.expect(204);
    let ended = Instant::now();
    for answered in join_all(readers).await {
        let (answer, at) = answered.expect("no panic");
        let took = at.saturating_duration_since(ended);
        assert!(took < PROMISE + lateness.so_far(), "it took {took:?}");
        let page: Page = reader.clone().judge(&stack.auth, answer, reader.cursor).await;
        assert_eq!((page.ended.len(), page.answer.header("retry-after")), (1, ""));
        page.ended.iter().for_each(|entry| reader.held.take(entry));
    }
    assert!(reader.held.refuses(&ada.tokens.access) && !reader.held.refuses(&bob.tokens.access));
}

/// Asks from these addresses, and returns how many were answered at once with when to ask again; the others wait, and learn
/// of an ending.
async fn put_off(stack: &Stack, addresses: &[String], waiting: usize) -> usize {
    let ada = stack.ada().await;
    let mut reader = Reader::caught_up(stack).await;
    let ask = |address: &String| asks(&stack.auth.from_address(address), reader.cursor, LONG);
    let (asked, lateness) = (Instant::now(), Lateness::from_now());
    let readers: Vec<_> = addresses.iter().map(ask).collect();
    // Whoever finds no room is answered, and the others are not.
    let answered = || readers.iter().filter(|reader| reader.is_finished()).count();
    eventually("all but those that wait are answered", Duration::from_secs(10), async || {
        (answered() >= addresses.len() - waiting).then_some(())
    })
    .await;
    let ending = Instant::now();
    stack.auth.logout(&ada.tokens).await.expect(204);
    let mut put_off = 0;
    for answered in join_all(readers).await {
        let (answer, at) = answered.expect("no panic");
        let page = reader.judge(&stack.auth, answer, reader.cursor).await;
        if page.answer.header("retry-after").is_empty() {
            assert_eq!(page.ended.len(), 1, "it waited for the ending");
            assert!(at > ending, "{:?} before the ending", ending - at);
        } else {
            assert_eq!((page.ended.len(), page.answer.header("retry-after")), (0, "1"));
            let took = at - asked;
            assert!(took < PROMISE + lateness.so_far(), "at once, not after {took:?}");
            put_off += 1;
        }
    }
    put_off
}

#[tokio::test]
async fn readers_that_find_no_room_to_wait_are_answered_at_once() {
    let mut stack = Stack::any().unlimited().auth("AUTH_FEED_WAITERS", "20").start_auth().await;
    let everywhere: Vec<String> = (1..=32).map(|host| format!("127.0.7.{host}")).collect();
    assert_eq!(put_off(&stack, &everywhere, 20).await, 12, "twenty wait");
    let one_address = vec!["127.0.8.1".to_owned(); 10];
    assert_eq!(put_off(&stack, &one_address, 2).await, 8, "a tenth of them from one address");
    stack.auth.set("AUTH_FEED_WAITERS", "0");
    stack.auth.restart().await;
    assert_eq!(put_off(&stack, &everywhere[..3], 0).await, 3, "nobody waits");
}

#[tokio::test]
async fn a_reader_that_went_away_leaves_its_room_to_others() {
    let stack = Stack::any().unlimited().auth("AUTH_FEED_WAITERS", "10").start_auth().await;
    for _ in 0..5 {
        let cursor = Reader::caught_up(&stack).await.cursor;
        let gone = asks(&stack.auth, cursor, LONG);
        they_wait(&stack.auth, slice::from_ref(&gone)).await;
        gone.abort();
        // The place is free once the service has seen that the connection is closed.
        eventually("there is room to wait", Duration::from_secs(5), async || {
            let answer = stack.auth.get(&question(cursor, 1)).send().await.expect(200);
            answer.header("retry-after").is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_asked_to_stop_answers_its_waiting_readers_and_ends() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).auth("AUTH_FEED_WAITERS", "1000").start_auth().await;
    let mut reader = Reader::caught_up(&stack).await;
    let keys = stack.auth.key_set().await.expect(200).json;
    let readers: Vec<_> = (0..80).map(|_| asks(&stack.auth, reader.cursor, LONG)).collect();
    they_wait(&stack.auth, &readers).await;
    let (asked, lateness) = (Instant::now(), Lateness::from_now());
    let status = stack.auth.stop();
    let took = asked.elapsed();
    assert!(status.success() && took < Duration::from_secs(5) + lateness.so_far(), "{status} after {took:?}");
    reader.know(keys);
    for answered in join_all(readers).await {
        let (answer, _) = answered.expect("no panic");
        let page = reader.judge(&stack.auth, answer, reader.cursor).await;
        assert!(page.ended.is_empty(), "{page:?}");
    }
}
