//! PostgreSQL is killed and restarted under load; and a logout-all that fails in Redis.

use crate::{
    client::UNLIMITED,
    crowd::Crowd,
    ended::Ended,
    ledger::{ACKNOWLEDGED, KILLS, Ledger, PUT_OFF, REFUSED, REVIVED, SESSIONS_LOST},
    size::size,
};
use harness::{Stack, Storage};
use std::sync::Arc;
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load() {
    let ledger = Arc::new(Ledger::default());
    let mut stack = Stack::on(Storage::RedisAndPostgres)
        .unlimited()
        .with_own_postgres()
        .auth("AUTH_REPLAY_WINDOW", "0s")
        .start_auth()
        .await;
    let crowd = Crowd::gather(&stack, 4, 1, UNLIMITED, &ledger).await;
    let ended = Ended::begin(&stack, &ledger).await;
    let load = crowd.at_work(Some(&ended));
    for _ in 0..size(3, 30) {
        ledger.more(ACKNOWLEDGED, fastrand::u64(30..90)).await;
        block_in_place(|| stack.postgres().kill());
        ledger.add(KILLS, 1);
        ledger.more(PUT_OFF, 40).await;
        block_in_place(|| stack.postgres().restart());
        ledger.more(ACKNOWLEDGED, 30).await;
    }
    load.stop().await;
    crowd.settle().await;
    ended.stay_ended().await;
    ledger.conclude("PostgreSQL killed", &[PUT_OFF, KILLS, REFUSED], &[SESSIONS_LOST, REVIVED]);
}

/// Redis comes back with the records of sessions that were ended while it was away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_all_while_redis_is_down() {
    const LEFT: &str = "records of ended sessions that came back";
    let ledger = Arc::new(Ledger::default());
    let mut stack =
        Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").start_auth().await;
    let crowd = Crowd::gather(&stack, 2, 1, UNLIMITED, &ledger).await;
    let mut ended = Ended::begin(&stack, &ledger).await;
    for _ in 0..size(5, 50) {
        let mut person = stack.ada().await;
        let phone = person.another_device().await;
        let first = person.tokens.clone();
        let second = person.refresh().await.clone();
        stack.redis().save();
        stack.redis().kill();
        stack.auth.logout_all(&person.tokens).await.expect(204);
        stack.redis().restart();
        let records = stack.redis().generations();
        let left = [&first, &phone].map(|tokens| u64::from(records.contains_key(&tokens.session_id)));
        ledger.add(LEFT, left.iter().sum());
        [first, second, phone].into_iter().for_each(|tokens| ended.and(tokens));
        ended.stay_ended().await;
    }
    crowd.settle().await;
    ledger.conclude("logout-all while Redis is down", &[LEFT, REFUSED], &[SESSIONS_LOST, REVIVED]);
}
