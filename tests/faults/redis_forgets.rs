//! Redis loses what it acknowledged: all of it, or what came after its last snapshot.

use crate::{
    client::UNLIMITED,
    crowd::{Crowd, Load, rotations_lost},
    ended::Ended,
    ledger::{ACKNOWLEDGED, KILLS, Ledger, RECORDS_LOST, REFUSED, REVIVED, ROTATIONS_LOST, SESSIONS_LOST},
    size::size,
};
use harness::{Stack, Storage};
use std::sync::Arc;

const WIPES: &str = "FLUSHALLs";
const TAKEN_UP: &str = "sessions taken up from their tokens";

struct Run {
    ledger: Arc<Ledger>,
    stack: Stack,
    crowd: Crowd,
    ended: Ended,
    load: Load,
}

/// Clients at work on Redis and PostgreSQL; every refresh is a rotation.
async fn begin() -> Run {
    let ledger = Arc::new(Ledger::default());
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").start_auth().await;
    let crowd = Crowd::gather(&stack, 4, 1, UNLIMITED, &ledger).await;
    let ended = Ended::begin(&stack, &ledger).await;
    let load = crowd.at_work(Some(&ended));
    ledger.more(ACKNOWLEDGED, 50).await;
    Run { ledger, stack, crowd, ended, load }
}

impl Run {
    async fn conclude(self, name: &str, struck: &'static str) {
        self.ledger.more(ACKNOWLEDGED, 50).await;
        self.load.stop().await;
        self.crowd.settle().await;
        self.ended.stay_ended().await;
        let taken_up = self.stack.auth.log().matches("\"action\":\"refresh_adopt\"").count();
        self.ledger.add(TAKEN_UP, taken_up as u64);
        self.ledger.conclude(name, &[struck, TAKEN_UP, REFUSED], &[SESSIONS_LOST, REVIVED]);
    }

    /// Counts the sessions of a server that will come back empty.
    fn count_records(&mut self) {
        let records = self.stack.redis().generations().len();
        self.ledger.add(RECORDS_LOST, records as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_empty() {
    let mut run = begin().await;
    for _ in 0..size(3, 40) {
        run.ledger.more(ACKNOWLEDGED, fastrand::u64(30..90)).await;
        run.count_records();
        run.stack.redis().restart();
        run.ledger.add(KILLS, 1);
    }
    run.conclude("Redis restarted empty", RECORDS_LOST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_from_an_old_snapshot() {
    let mut run = begin().await;
    for _ in 0..size(3, 40) {
        run.stack.redis().save();
        // Some may have rotated since: what is lost is at least what is counted.
        let saved = run.stack.redis().generations();
        run.ledger.more(ACKNOWLEDGED, fastrand::u64(50..150)).await;
        run.stack.redis().kill();
        run.ledger.add(KILLS, 1);
        run.ledger.add(ROTATIONS_LOST, rotations_lost(&run.crowd.generations(), &saved));
        run.stack.redis().restart();
    }
    run.conclude("Redis restarted from an old snapshot", ROTATIONS_LOST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wiped_under_load() {
    let mut run = begin().await;
    for _ in 0..size(15, 400) {
        run.ledger.more(ACKNOWLEDGED, fastrand::u64(10..60)).await;
        run.count_records();
        run.stack.redis().flush();
        run.ledger.add(WIPES, 1);
    }
    run.conclude("Redis wiped", RECORDS_LOST).await;
}
