//! Two auth-services behind the same stores; clients hop between them at every request.

use crate::{
    client::UNLIMITED,
    crowd::Crowd,
    ended::Ended,
    ledger::{ACKNOWLEDGED, FORKS, Ledger, REFUSED, REVIVED, SESSIONS_LOST},
    size::size,
};
use harness::{Http, Stack, Storage};
use std::{sync::Arc, time::Duration};

/// How often a session was refreshed by one replica and then by the other.
const HOPS: &str = "hops between replicas";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    run("two replicas, embedded", Storage::Embedded, 1, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres() {
    run("two replicas, Redis and PostgreSQL", Storage::RedisAndPostgres, 1, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres_with_tabs() {
    run("two replicas, Redis and PostgreSQL, tabs", Storage::RedisAndPostgres, 4, Duration::from_secs(2)).await;
}

async fn run(name: &str, storage: Storage, tabs: usize, window: Duration) {
    let ledger = Arc::new(Ledger::default());
    let seconds = format!("{}s", window.as_secs());
    let stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", &seconds).start_auth().await;
    let replica = stack.replica().await;
    let doors = [Http::clone(&stack.auth), Http::clone(&replica)];
    let patience = if tabs == 1 { UNLIMITED } else { window / 2 };
    let crowd = Crowd::gather_at(&stack, &doors, 4, tabs, patience, &ledger).await;
    let ended = Ended::begin(&stack, &ledger).await;
    let load = crowd.at_work(Some(&ended));
    for _ in 0..size(1, 15) {
        ledger.more(ACKNOWLEDGED, 1_000).await;
    }
    load.stop().await;
    crowd.settle().await;
    ended.stay_ended().await;
    ledger.add(HOPS, crowd.hops());
    crowd.look_for_twins();
    crowd.look_for_forks(&replica, window).await;
    ledger.conclude(name, &[HOPS, REFUSED], &[SESSIONS_LOST, FORKS, REVIVED]);
}
