//! auth-service is killed at random instants, again and again.

use crate::{
    client::UNLIMITED,
    crowd::Crowd,
    ended::Ended,
    ledger::{ACKNOWLEDGED, CUT, FORKS, KILLS, Ledger, REFUSED, REVIVED, SESSIONS_LOST},
    size::size,
};
use harness::{Stack, Storage};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// How the crowd behaves.
struct Habits {
    tabs: usize,
    window: Duration,
    /// Half the window; clients with one request at a time need none.
    patience: Duration,
}

/// Every refresh is a rotation.
const ONE_REQUEST_AT_A_TIME: Habits = Habits { tabs: 1, window: Duration::ZERO, patience: UNLIMITED };

/// Requests with the same token are under way when the process dies.
const TABS: Habits = Habits { tabs: 3, window: Duration::from_secs(2), patience: Duration::from_secs(1) };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    run("kill_9, embedded", Storage::Embedded, ONE_REQUEST_AT_A_TIME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_with_tabs() {
    run("kill_9, embedded, tabs", Storage::Embedded, TABS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres() {
    run("kill_9, Redis and PostgreSQL", Storage::RedisAndPostgres, ONE_REQUEST_AT_A_TIME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres_with_tabs() {
    run("kill_9, Redis and PostgreSQL, tabs", Storage::RedisAndPostgres, TABS).await;
}

async fn run(name: &str, storage: Storage, habits: Habits) {
    let ledger = Arc::new(Ledger::default());
    let window = format!("{}s", habits.window.as_secs());
    let mut stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", &window).start_auth().await;
    let crowd = Crowd::gather(&stack, 4, habits.tabs, habits.patience, &ledger).await;
    let ended = Ended::begin(&stack, &ledger).await;
    let load = crowd.at_work(Some(&ended));
    for _ in 0..size(6, 60) {
        ledger.more(ACKNOWLEDGED, fastrand::u64(20..60)).await;
        sleep(Duration::from_millis(fastrand::u64(0..20))).await;
        stack.auth.kill();
        ledger.add(KILLS, 1);
        stack.auth.start().await;
    }
    load.stop().await;
    crowd.settle().await;
    ended.stay_ended().await;
    crowd.look_for_twins();
    crowd.look_for_forks(&stack.auth, habits.window).await;
    ledger.conclude(name, &[CUT, REFUSED], &[SESSIONS_LOST, FORKS, REVIVED]);
}
