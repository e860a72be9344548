//! A session takes the same room in the stores however often it is refreshed.

use crate::stores;
use harness::{Person, Stack, Storage, Transport};
use redis::cmd;
use std::collections::BTreeMap;

on_every_storage! { a_thousand_refreshes_leave_nothing_behind }

/// Until the record names as many families as it ever will.
const SETTLING: u64 = 10;
const REFRESHES: u64 = 1000;
/// Meanwhile `gen` becomes a byte longer in the record, and so may each of the five durations. A dump shows bytes in
/// hex.
const MORE_DIGITS: u64 = 2 * (1 + 5);

/// What a stack holds.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    /// The number of rows in each table, and of keys in Redis.
    counts: BTreeMap<String, u64>,
    /// The number of characters in all of them.
    characters: u64,
}

async fn a_thousand_refreshes_leave_nothing_behind(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await.tokens();
    refresh(&mut ada, SETTLING).await;
    let (before, memory_before) = (room(&mut stack, storage).await, memory(&mut stack, storage).await);
    assert!(before.counts.values().sum::<u64>() > 5, "{before:?}");
    refresh(&mut ada, REFRESHES).await;
    let (after, memory_after) = (room(&mut stack, storage).await, memory(&mut stack, storage).await);
    let generation = ada.tokens.refresh_claims()["gen"].as_u64();
    assert!(generation > Some(SETTLING + REFRESHES), "each refresh has rotated: {generation:?}");
    assert_eq!(after.counts, before.counts);
    let grown = after.characters.saturating_sub(before.characters);
    assert!(grown <= MORE_DIGITS, "{grown} characters more");
    // Redis rounds up: nine characters more may be the next size.
    assert!(memory_after <= memory_before + 256, "{memory_before} bytes became {memory_after}");
}

/// A refresh that was answered 503 may have rotated too.
async fn refresh(person: &mut Person, times: u64) {
    for _ in 0..times {
        person.refresh().await;
    }
}

async fn room(stack: &mut Stack, storage: Storage) -> Room {
    let mut room = Room { counts: BTreeMap::new(), characters: 0 };
    // Not the bytes of files: they grow and shrink with the store's write-ahead log.
    for stored in stores::dump(stack, storage).await.into_iter().filter(|stored| stored.is_element) {
        *room.counts.entry(format!("{} {}", stored.store, stored.place)).or_default() += 1;
        room.characters += stored.value.len() as u64;
    }
    room
}

/// The memory that Redis reports for all its keys.
async fn memory(stack: &mut Stack, storage: Storage) -> u64 {
    if storage == Storage::Embedded {
        return 0;
    }
    let mut redis = stores::connect(&stack.redis().url()).await;
    let keys: Vec<String> = stores::ask(&mut redis, cmd("KEYS").arg("*")).await;
    let mut sum = 0;
    for key in keys {
        let bytes: u64 = stores::ask(&mut redis, cmd("MEMORY").arg("USAGE").arg(&key)).await;
        sum += bytes;
    }
    sum
}
