//! Ten uncoordinated tabs with one cookie jar, restored again and again, on a line where answers are late, overtake one
//! another and are lost.

use crate::{
    client::Client,
    ledger::{ACKNOWLEDGED, GIVEN_UP, Ledger, SESSIONS_LOST},
    size::size,
};
use futures_util::future::join_all;
use harness::{
    Stack, Storage,
    proxy::{Proxy, Weather},
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

const TABS: usize = 10;
const WINDOW: Duration = Duration::from_secs(2);

/// What the client gives up after.
const PATIENCE: Duration = Duration::from_secs(1);

/// Requests arrive within the patience, and answers as well unless the service takes its time.
const WEATHER: Weather =
    Weather { request_delay: Duration::from_millis(350), answer_delay: Duration::from_millis(550), one_lost_of: 6 };

const RESTORED: &str = "times restored";
const OVERTAKEN: &str = "answers overtaken";
const LOST: &str = "answers lost";
const STEPS_BACK: &str = "older tokens that came last";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    run("ten tabs, embedded", Storage::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres() {
    run("ten tabs, Redis and PostgreSQL", Storage::RedisAndPostgres).await;
}

async fn run(name: &str, storage: Storage) {
    let ledger = Arc::new(Ledger::default());
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "2s").start_auth().await;
    join_all((0..6).map(|_| household(&stack, &ledger))).await;
    ledger.conclude(name, &[OVERTAKEN, LOST, ACKNOWLEDGED], &[SESSIONS_LOST]);
}

/// A browser of its own, on a line of its own.
async fn household(stack: &Stack, ledger: &Arc<Ledger>) {
    let line = Proxy::to(&stack.auth, WEATHER);
    let tokens = stack.ada_in_a_browser().await.tokens;
    let tab = Client::new(tokens, &[line.http().clone()], PATIENCE, ledger);
    for _ in 0..size(10, 150) {
        join_all((0..TABS).map(|_| async {
            sleep(Duration::from_millis(fastrand::u64(0..400))).await;
            tab.refresh().await
        }))
        .await;
        ledger.add(RESTORED, 1);
        // Sometimes within the window, sometimes beyond.
        sleep(WINDOW.mul_f64(fastrand::f64() * 1.3)).await;
    }
    ledger.add(GIVEN_UP, 0);
    ledger.add(OVERTAKEN, line.overtaken());
    ledger.add(LOST, line.lost());
    ledger.add(STEPS_BACK, tab.jar.steps_back());
}
