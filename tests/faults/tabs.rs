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

/// After how long the client gives up.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Requests arrive within the timeout, and so do answers unless the service is slow.
const BAD_WEATHER: Weather = Weather {
    request_delay: Duration::from_millis(350),
    answer_delay: Duration::from_millis(550),
    lost_answers: 1.0 / 6.0,
};

/// Two answers of five are lost: the number of late retries was chosen for this.
const STORM: Weather = Weather { lost_answers: 0.4, ..BAD_WEATHER };

const RESTORED: &str = "times restored";
/// The times when no tab got an answer.
const IN_VAIN: &str = "of them in vain";
const OVERTAKEN: &str = "answers overtaken";
const LOST: &str = "answers lost";
const STEPS_BACK: &str = "older tokens that came last";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    run("ten tabs, embedded", Storage::Embedded, BAD_WEATHER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres() {
    run("ten tabs, Redis and PostgreSQL", Storage::RedisAndPostgres, BAD_WEATHER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres_with_two_answers_of_five_lost() {
    run("ten tabs, 40 % of the answers lost", Storage::RedisAndPostgres, STORM).await;
}

async fn run(name: &str, storage: Storage, weather: Weather) {
    let ledger = Arc::new(Ledger::default());
    let stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", "2s").start_auth().await;
    join_all((0..12).map(|_| household(&stack, &ledger, weather))).await;
    ledger.conclude(name, &[OVERTAKEN, LOST, IN_VAIN, ACKNOWLEDGED], &[SESSIONS_LOST]);
}

/// One browser on its own line.
async fn household(stack: &Stack, ledger: &Arc<Ledger>, weather: Weather) {
    let line = Proxy::to(&stack.auth, weather);
    let tokens = stack.ada_in_a_browser().await.tokens;
    let tab = Client::new(tokens, &[line.http().clone()], TIMEOUT, ledger);
    for _ in 0..size(9, 100) {
        let is_in_vain = fastrand::u32(..3) == 0;
        if is_in_vain {
            line.loses_all_answers();
            ledger.add(IN_VAIN, 1);
        }
        restore(&tab).await;
        ledger.add(RESTORED, 1);
        line.is_mended();
        // Within the window, or so late that the next requests find it over.
        let pause = if fastrand::bool() { 0.5 * fastrand::f64() } else { 1.05 + 0.4 * fastrand::f64() };
        sleep(WINDOW.mul_f64(pause)).await;
    }
    restore(&tab).await;
    ledger.add(GIVEN_UP, 0);
    ledger.add(OVERTAKEN, line.overtaken());
    ledger.add(LOST, line.lost());
    ledger.add(STEPS_BACK, tab.jar.steps_back());
}

/// All tabs refresh, with what is in the jar when they wake up.
async fn restore(tab: &Client) {
    join_all((0..TABS).map(|_| async {
        sleep(Duration::from_millis(fastrand::u64(0..400))).await;
        tab.refresh().await
    }))
    .await;
}
