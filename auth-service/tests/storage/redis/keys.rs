//! What Redis is left with.

use crate::{
    samples::{LATER, counter, now, rotated, session, session_for},
    servers,
};
use auth_service::{
    domain::{
        counters::Counters as _,
        sessions::{Commit, Expected, Sessions},
    },
    storage::redis::RedisStores,
};
use harness::{eventually, redis::Redis};
use redis::{Client, Commands as _, Connection, cmd};
use shared::ids::UserId;
use std::time::Duration;

fn raw(redis: &Redis) -> Connection {
    Client::open(redis.url()).unwrap().get_connection().unwrap()
}

fn store_on(redis: &Redis) -> RedisStores {
    RedisStores::connect(&redis.url()).unwrap()
}

#[tokio::test]
async fn all_keys_of_a_user_share_a_slot_and_end_by_themselves() {
    let redis = Redis::start();
    let (store, sub) = (store_on(&redis), UserId::fresh());
    for record in [session(sub), session(sub)] {
        assert_eq!(store.commit(Expected::Absent, &record, LATER).await.unwrap(), Commit::Done);
    }
    store.add(&[counter()], Duration::from_secs(60)).await.unwrap();
    let mut raw = raw(&redis);
    let keys: Vec<String> = raw.keys("*").unwrap();
    assert_eq!(keys.len(), 4);
    for key in keys {
        assert!(key.starts_with(&format!("jeton:{{{sub}}}:session")) || key.starts_with("jeton:count:"), "{key}");
        let left: i64 = raw.pttl(&key).unwrap();
        assert!(left > 0, "{key} never ends");
    }
}

#[tokio::test]
async fn the_index_of_a_user_holds_only_the_sessions_that_live() {
    let redis = Redis::start();
    let (store, sub) = (store_on(&redis), UserId::fresh());
    let lasting = [session(sub), session(sub)];
    assert_eq!(store.commit(Expected::Absent, &lasting[0], LATER).await.unwrap(), Commit::Done);
    let mut last = now();
    for _ in 0..100 {
        let brief = session_for(sub, Duration::from_millis(20));
        last = brief.expires_at;
        assert_eq!(store.commit(Expected::Absent, &brief, LATER).await.unwrap(), Commit::Done);
    }
    eventually("the last one expires", Duration::from_secs(2), || async { (now() > last).then_some(()) }).await;
    assert_eq!(store.commit(Expected::Absent, &lasting[1], LATER).await.unwrap(), Commit::Done);
    let members: i64 = raw(&redis).zcard(format!("jeton:{{{sub}}}:sessions")).unwrap();
    assert_eq!(members, 2);
}

#[tokio::test]
async fn a_session_takes_the_same_room_however_often_it_is_refreshed() {
    let redis = Redis::start();
    let store = store_on(&redis);
    let mut record = session(UserId::fresh());
    record.lineage.generation = 1_000;
    assert_eq!(store.commit(Expected::Absent, &record, LATER).await.unwrap(), Commit::Done);
    let mut raw = raw(&redis);
    let mut room = || -> u64 {
        let keys: Vec<String> = raw.keys("*").unwrap();
        keys.iter().map(|key| cmd("MEMORY").arg("USAGE").arg(key).query::<u64>(&mut raw).unwrap()).sum()
    };
    let mut sizes = Vec::new();
    for _ in 0..100 {
        let next = rotated(&record);
        assert_eq!(store.commit(Expected::of(Some(&record)), &next, LATER).await.unwrap(), Commit::Done);
        record = next;
        sizes.push(room());
    }
    assert_eq!(sizes[10], sizes[99], "{sizes:?}");
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_is_told_them_again() {
    let redis = Redis::start();
    let (store, record) = (store_on(&redis), session(UserId::fresh()));
    assert_eq!(store.commit(Expected::Absent, &record, LATER).await.unwrap(), Commit::Done);
    cmd("SCRIPT").arg("FLUSH").exec(&mut raw(&redis)).unwrap();
    assert_eq!(Sessions::read(&store, record.sub, record.sid).await.unwrap().record.as_ref(), Some(&record));
    assert_eq!(store.commit(Expected::of(Some(&record)), &rotated(&record), LATER).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn a_commit_that_is_repeated_because_its_answer_was_lost_finds_itself() {
    let store = servers::redis().await;
    let first = session(UserId::fresh());
    let second = rotated(&first);
    for _ in 0..2 {
        assert_eq!(store.commit(Expected::Absent, &first, LATER).await.unwrap(), Commit::Done);
    }
    for _ in 0..2 {
        assert_eq!(store.commit(Expected::of(Some(&first)), &second, LATER).await.unwrap(), Commit::Done);
    }
    assert_eq!(store.commit(Expected::Absent, &first, LATER).await.unwrap(), Commit::Conflict);
}
