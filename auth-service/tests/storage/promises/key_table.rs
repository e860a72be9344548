//! What the table of signing keys promises.

use crate::samples::{key, now, unique};
use auth_service::domain::keys::table::{KeyTable, StoredKey};
use futures_util::future::join_all;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(2);

async fn stored(store: &impl KeyTable, slot: i64) -> StoredKey {
    store.keys().await.unwrap().keys.into_iter().find(|key| key.slot == slot).expect("it was filled")
}

pub async fn an_empty_table_still_tells_the_time(store: &impl KeyTable) {
    let before = now();
    let rows = store.keys().await.unwrap();
    assert_eq!(rows.keys, []);
    assert!(rows.now.plus(TICK) >= before && rows.now <= now().plus(TICK), "{:?} is not now", rows.now);
}

pub async fn a_key_is_published_now_and_active_after_its_lead(store: &impl KeyTable) {
    let key = key(1);
    let before = store.keys().await.unwrap().now;
    store.insert_if_vacant(&key).await.unwrap();
    let rows = store.keys().await.unwrap();
    let [stored] = rows.keys.as_slice() else { panic!("one key was made: {rows:?}") };
    assert_eq!((stored.slot, &stored.kid, &stored.jwk, &stored.sealed), (1, &key.kid, &key.jwk, &key.sealed));
    assert!((before..=rows.now).contains(&stored.published_at));
    assert_eq!(stored.active_at, stored.published_at.plus(key.lead));
    assert_eq!(stored.revoked_at, None);
}

pub async fn a_slot_is_filled_once(store: &impl KeyTable) {
    store.insert_if_vacant(&key(1)).await.unwrap();
    let first = store.keys().await.unwrap().keys;
    store.insert_if_vacant(&key(1)).await.unwrap();
    assert_eq!(store.keys().await.unwrap().keys, first);
}

pub async fn concurrent_inserts_into_a_slot_all_read_the_same_key(store: &impl KeyTable) {
    let replica = async || {
        store.insert_if_vacant(&key(1)).await.unwrap();
        store.keys().await.unwrap().keys
    };
    let seen = join_all((0..20).map(|_| replica())).await;
    assert_eq!(seen[0].len(), 1);
    assert!(seen.iter().all(|keys| keys == &seen[0]));
}

pub async fn keys_come_in_the_order_of_their_slots(store: &impl KeyTable) {
    for slot in [10, 2, 1] {
        store.insert_if_vacant(&key(slot)).await.unwrap();
    }
    let slots: Vec<_> = store.keys().await.unwrap().keys.iter().map(|key| key.slot).collect();
    assert_eq!(slots, [1, 2, 10]);
}

pub async fn a_key_can_be_activated_sooner_and_never_later(store: &impl KeyTable) {
    let slot = 1;
    store.insert_if_vacant(&key(slot)).await.unwrap();
    let planned = stored(store, slot).await;
    store.activate_sooner(slot, key(slot).lead * 2).await.unwrap();
    assert_eq!(stored(store, slot).await, planned);

    let hour = Duration::from_secs(3600);
    store.activate_sooner(slot, hour).await.unwrap();
    assert_eq!(stored(store, slot).await.active_at, planned.published_at.plus(hour));

    let before = store.keys().await.unwrap().now;
    store.activate_sooner(slot, Duration::ZERO).await.unwrap();
    let now = stored(store, slot).await;
    assert!(now.active_at >= before && now.active_at <= store.keys().await.unwrap().now, "{now:?}");
    store.activate_sooner(slot, Duration::ZERO).await.unwrap();
    assert_eq!(stored(store, slot).await, now, "what signs already is left alone");
}

pub async fn a_revoked_key_keeps_its_first_time_of_revocation(store: &impl KeyTable) {
    for slot in [1, 2] {
        store.insert_if_vacant(&key(slot)).await.unwrap();
    }
    store.revoke(1).await.unwrap();
    let first = stored(store, 1).await.revoked_at;
    assert!(first.is_some_and(|moment| moment <= now().plus(TICK)));
    tokio::time::sleep(TICK * 2).await;
    store.revoke(1).await.unwrap();
    assert_eq!(stored(store, 1).await.revoked_at, first);
    assert_eq!(stored(store, 2).await.revoked_at, None);
}

pub async fn the_longest_life_of_a_token_is_kept(store: &impl KeyTable) {
    for slot in [1, 2, 3] {
        store.insert_if_vacant(&key(slot)).await.unwrap();
    }
    let (usual, longer) = (key(1).token_life, key(1).token_life * 2);
    store.extend_token_life(2, longer).await.unwrap();
    store.extend_token_life(1, usual / 2).await.unwrap();
    let lives = store.keys().await.unwrap().keys.into_iter().map(|key| key.token_life);
    assert_eq!(lives.collect::<Vec<_>>(), [usual, longer, longer]);
}

pub async fn a_key_is_resealed_only_if_it_is_as_it_was_read(store: &impl KeyTable) {
    store.insert_if_vacant(&key(1)).await.unwrap();
    store.reseal(1, b"other", b"new").await.unwrap();
    assert_eq!(stored(store, 1).await.sealed, key(1).sealed);
    store.reseal(1, &key(1).sealed, b"new").await.unwrap();
    assert_eq!(stored(store, 1).await.sealed, b"new");
}

pub async fn a_forgotten_key_is_gone(store: &impl KeyTable) {
    for slot in [1, 2] {
        store.insert_if_vacant(&key(slot)).await.unwrap();
    }
    store.forget(1).await.unwrap();
    store.forget(1).await.unwrap();
    let slots: Vec<_> = store.keys().await.unwrap().keys.iter().map(|key| key.slot).collect();
    assert_eq!(slots, [2]);
}

pub async fn the_first_value_of_a_fact_wins(store: &impl KeyTable) {
    let name = unique("fact");
    let values: Vec<_> = (0..20).map(|_| unique("value")).collect();
    let read = join_all(values.iter().map(|value| store.fact(&name, value))).await;
    let first = read[0].as_ref().unwrap();
    assert!(values.contains(first));
    assert!(read.iter().all(|value| value.as_ref().unwrap() == first));
    assert_eq!(&store.fact(&name, "late").await.unwrap(), first);
}

pub async fn a_fact_is_replaced_only_if_it_is_as_it_was_read(store: &impl KeyTable) {
    let name = unique("fact");
    assert_eq!(store.known_fact(&name).await.unwrap(), None);
    assert!(!store.replace_fact(&name, "", "new").await.unwrap());
    assert_eq!(store.fact(&name, "old").await.unwrap(), "old");
    assert!(!store.replace_fact(&name, "other", "new").await.unwrap());
    assert!(store.replace_fact(&name, "old", "new").await.unwrap());
    assert!(!store.replace_fact(&name, "old", "newer").await.unwrap());
    assert_eq!(store.fact(&name, "late").await.unwrap(), "new");
    assert_eq!(store.known_fact(&name).await.unwrap().as_deref(), Some("new"));
}
