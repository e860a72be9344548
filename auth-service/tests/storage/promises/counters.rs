//! What a store of counters promises.

use crate::samples::counter;
use auth_service::domain::throttling::counters::{CounterKey, Counters};
use futures_util::future::join_all;
use harness::eventually;
use std::{
    slice::from_ref,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(900);
const SHORT: Duration = Duration::from_millis(150);
const TIMEOUT: Duration = Duration::from_secs(3);

async fn add(store: &impl Counters, key: &CounterKey, window: Duration) -> u64 {
    store.add(from_ref(key), window).await.unwrap()[0].value
}

async fn value(store: &impl Counters, key: &CounterKey) -> u64 {
    store.read(from_ref(key)).await.unwrap()[0].value
}

pub async fn a_counter_counts_from_one_and_reading_adds_nothing(store: &impl Counters) {
    let key = counter();
    let unseen = store.read(from_ref(&key)).await.unwrap()[0];
    assert_eq!((unseen.value, unseen.resets_in), (0, Duration::ZERO));
    assert_eq!(add(store, &key, LONG).await, 1);
    assert_eq!(add(store, &key, LONG).await, 2);
    assert_eq!(value(store, &key).await, 2);
    let seen = store.read(from_ref(&key)).await.unwrap()[0];
    assert_eq!(seen.value, 2);
    assert!(seen.resets_in <= LONG && seen.resets_in > LONG - TIMEOUT, "{seen:?}");
}

pub async fn counters_are_independent_and_answered_in_order(store: &impl Counters) {
    let keys: Vec<_> = (0..40).map(|_| counter()).collect();
    for (position, key) in keys.iter().enumerate() {
        for _ in 0..position % 3 {
            add(store, key, LONG).await;
        }
    }
    let shown: Vec<_> = store.read(&keys).await.unwrap().iter().map(|count| count.value).collect();
    let expected: Vec<_> = (0..40).map(|position| position % 3).collect();
    assert_eq!(shown, expected);
    let added: Vec<_> = store.add(&keys, LONG).await.unwrap().iter().map(|count| count.value - 1).collect();
    assert_eq!(added, expected);
}

pub async fn no_concurrent_addition_is_lost(store: &impl Counters) {
    let keys = [counter(), counter()];
    let answers = join_all((0..50).map(|_| store.add(&keys, LONG))).await;
    for position in 0..keys.len() {
        let mut values: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap()[position].value).collect();
        values.sort_unstable();
        assert_eq!(values, (1..=50).collect::<Vec<_>>());
    }
}

pub async fn a_window_does_not_slide_and_ends(store: &impl Counters) {
    let key = counter();
    let began = Instant::now();
    add(store, &key, SHORT).await;
    let added_until_it_ended = || async { (add(store, &key, SHORT).await == 1).then_some(()) };
    eventually("a window ends though it is added to", TIMEOUT, added_until_it_ended).await;
    assert!(began.elapsed() >= SHORT - Duration::from_millis(2), "it has ended too early");
    eventually("a window ends", TIMEOUT, || async { (value(store, &key).await == 0).then_some(()) }).await;
}

pub async fn for_no_counters_the_answer_is_empty(store: &impl Counters) {
    assert_eq!(store.read(&[]).await.unwrap(), []);
    assert_eq!(store.add(&[], LONG).await.unwrap(), []);
}

pub async fn forgetting_expired_counters_forgets_nothing_else(store: &impl Counters) {
    let (over, going_on) = ([counter(), counter(), counter()], counter());
    for key in &over {
        add(store, key, SHORT).await;
    }
    add(store, &going_on, LONG).await;
    for key in &over {
        eventually("a window ends", TIMEOUT, || async { (value(store, key).await == 0).then_some(()) }).await;
    }
    let batches = [
        store.forget_expired(2).await.unwrap(),
        store.forget_expired(2).await.unwrap(),
        store.forget_expired(2).await.unwrap(),
    ];
    // Stores that forget by themselves answer zero.
    assert!(batches == [2, 1, 0] || batches == [0, 0, 0], "{batches:?}");
    assert_eq!(value(store, &going_on).await, 1);
}
