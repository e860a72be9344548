//! Other programs that write into Redis may cost records, and stop nobody.

use crate::samples::{LATER, change, counter, rotated, session};
use auth_service::{
    domain::{
        sessions::store::{Commit, SessionStore},
        throttling::counters::{Count, CounterKey, Counters},
    },
    storage::redis::RedisStores,
};
use harness::redis::Redis;
use redis::{Client, Commands as _, Connection};
use shared::ids::UserId;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);

fn on(redis: &Redis) -> (RedisStores, Connection) {
    let raw = Client::open(redis.url()).unwrap().get_connection().unwrap();
    (RedisStores::connect(&redis.url()).unwrap(), raw)
}

/// Replaces a user's sessions by a value of another type.
fn spoil(raw: &mut Connection, sub: UserId) {
    let () = raw.set(format!("jeton:{{{sub}}}"), "x").unwrap();
}

#[tokio::test]
async fn a_value_of_another_type_in_place_of_a_users_sessions_counts_as_none() {
    let redis = Redis::start();
    let (store, mut raw) = on(&redis);
    let (sub, other) = (UserId::fresh(), UserId::fresh());
    let (first, strangers) = (session(sub), session(other));
    for record in [&first, &strangers] {
        assert_eq!(store.commit(&change(None, record, LATER)).await.unwrap(), Commit::Done);
    }
    spoil(&mut raw, sub);
    assert_eq!(SessionStore::read(&store, sub, first.sid).await.unwrap().sealed, None);
    assert_eq!(store.of_user(sub).await.unwrap(), []);
    assert_eq!(store.commit(&change(Some(&first), &rotated(&first), LATER)).await.unwrap(), Commit::Conflict);
    spoil(&mut raw, sub);
    store.remove(sub, first.sid).await.unwrap();
    spoil(&mut raw, sub);
    store.remove_all(sub, None).await.unwrap();
    spoil(&mut raw, sub);
    assert_eq!(store.commit(&change(None, &first, LATER)).await.unwrap(), Commit::Done);
    assert_eq!(SessionStore::read(&store, sub, first.sid).await.unwrap().sealed, Some(first.sealed));
    assert_eq!(SessionStore::read(&store, other, strangers.sid).await.unwrap().sealed, Some(strangers.sealed));
}

#[tokio::test]
async fn foreign_values_in_place_of_the_probe_do_not_fail_it() {
    let redis = Redis::start();
    let (store, mut raw) = on(&redis);
    let () = raw.set("jeton:{probe}:hash", "x").unwrap();
    let () = raw.hset("jeton:{probe}:text", "a", "b").unwrap();
    store.probe().await.unwrap();
    let left: Vec<String> = raw.keys("*").unwrap();
    assert_eq!(left, [""; 0]);
}

async fn shown(store: &RedisStores, key: &CounterKey) -> u64 {
    Counters::read(store, std::slice::from_ref(key)).await.unwrap()[0].value
}

async fn added(store: &RedisStores, key: &CounterKey) -> Count {
    store.add(std::slice::from_ref(key), WINDOW).await.unwrap()[0]
}

#[tokio::test]
async fn a_counter_that_is_not_a_number_or_never_expires_starts_again() {
    let redis = Redis::start();
    let (store, mut raw) = on(&redis);
    for value in ["abc", "", "-3", "1.5", "1e3", "007", " 7", "0x7", "9223372036854775807", "inf"] {
        let key = counter();
        let () = raw.set_ex(format!("jeton:count:{}", key.0), value, 60).unwrap();
        assert_eq!(shown(&store, &key).await, 0, "{value:?}");
        assert_eq!(added(&store, &key).await.value, 1, "{value:?}");
        assert_eq!(added(&store, &key).await.value, 2, "{value:?}");
    }
    let [hash, endless, good] = [counter(), counter(), counter()];
    let () = raw.hset(format!("jeton:count:{}", hash.0), "a", "b").unwrap();
    let () = raw.set(format!("jeton:count:{}", endless.0), "1000").unwrap();
    let () = raw.set_ex(format!("jeton:count:{}", good.0), "5", 60).unwrap();
    for key in [&hash, &endless] {
        assert_eq!(shown(&store, key).await, 0);
        let count = added(&store, key).await;
        assert_eq!(count.value, 1);
        assert!(count.resets_in > Duration::ZERO && count.resets_in <= WINDOW, "{count:?}");
        assert_eq!(shown(&store, key).await, 1);
    }
    assert_eq!(shown(&store, &good).await, 5);
    assert_eq!(added(&store, &good).await.value, 6);
}
