//! Redis is frozen, down for a while, or slow: requests are put off, never refused.

use crate::{
    client::UNLIMITED,
    crowd::Crowd,
    ended::Ended,
    ledger::{ACKNOWLEDGED, Ledger, PUT_OFF, REFUSED, REVIVED, SESSIONS_LOST},
    size::size,
};
use harness::{Stack, Storage, redis::Redis};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen() {
    run("Redis frozen", async |redis, ledger| {
        redis.pause();
        ledger.more(PUT_OFF, 20).await;
        redis.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down() {
    run("Redis down", async |redis, ledger| {
        // What it held comes back with it.
        redis.save();
        redis.kill();
        ledger.more(PUT_OFF, 60).await;
        redis.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow() {
    run("Redis slow", async |redis, ledger| {
        // Within the timeout of a call.
        redis.stall(Duration::from_millis(fastrand::u64(50..350)));
        ledger.more(ACKNOWLEDGED, 20).await;
        // And beyond it; repeated if no request was put off.
        let enough = ledger.count(PUT_OFF) + 5;
        for _ in 0..20 {
            let time = Duration::from_millis(fastrand::u64(900..1500));
            redis.stall(time);
            sleep(time).await;
            if ledger.count(PUT_OFF) >= enough {
                return;
            }
        }
        panic!("Redis stalled for a second, again and again, and nobody was put off");
    })
    .await;
}

async fn run(name: &str, outage: impl AsyncFn(&mut Redis, &Ledger)) {
    const OUTAGES: &str = "outages";
    let ledger = Arc::new(Ledger::default());
    let mut stack =
        Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").start_auth().await;
    let crowd = Crowd::gather(&stack, 4, 1, UNLIMITED, &ledger).await;
    let ended = Ended::begin(&stack, &ledger).await;
    let load = crowd.at_work(Some(&ended));
    for _ in 0..size(3, 30) {
        ledger.more(ACKNOWLEDGED, fastrand::u64(30..90)).await;
        sleep(Duration::from_millis(fastrand::u64(0..20))).await;
        outage(stack.redis(), &ledger).await;
        ledger.add(OUTAGES, 1);
        // The outage ends without a restart of auth-service.
        ledger.more(ACKNOWLEDGED, 30).await;
    }
    load.stop().await;
    crowd.settle().await;
    ended.stay_ended().await;
    ledger.conclude(name, &[PUT_OFF, REFUSED], &[SESSIONS_LOST, REVIVED]);
}
