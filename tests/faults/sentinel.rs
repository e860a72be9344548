//! A failover behind Sentinel in which acknowledged rotations are lost.

use crate::{
    client::UNLIMITED,
    crowd::{Crowd, rotations_lost},
    ended::Ended,
    ledger::{ACKNOWLEDGED, Ledger, PUT_OFF, REFUSED, REVIVED, ROTATIONS_LOST, SESSIONS_LOST},
    size::size,
};
use harness::{Stack, Storage, redis::Sentinel, storage::random_secret};
use std::sync::Arc;

const FAILOVERS: &str = "failovers";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_that_loses_acknowledged_rotations() {
    let ledger = Arc::new(Ledger::default());
    for _ in 0..size(1, 10) {
        fail_over(&ledger).await;
    }
    ledger.conclude("Sentinel, failover", &[ROTATIONS_LOST, PUT_OFF, REFUSED], &[SESSIONS_LOST, REVIVED]);
}

async fn fail_over(ledger: &Arc<Ledger>) {
    let mut servers = Sentinel::start();
    let stack = Stack::on(Storage::Embedded)
        .unlimited()
        .auth("AUTH_REDIS_URL", &servers.url())
        .auth("AUTH_SECRET", &random_secret())
        .auth("AUTH_REPLAY_WINDOW", "0s")
        .start_auth()
        .await;
    let crowd = Crowd::gather(&stack, 4, 1, UNLIMITED, ledger).await;
    let ended = Ended::begin(&stack, ledger).await;
    let load = crowd.at_work(Some(&ended));
    ledger.more(ACKNOWLEDGED, 50).await;
    servers.part();
    ledger.more(ACKNOWLEDGED, 100).await;
    let acknowledged = crowd.generations();
    servers.kill_master_and_thaw();
    ledger.add(ROTATIONS_LOST, rotations_lost(&acknowledged, &servers.generations_of_replica()));
    servers.wait_for_failover();
    ledger.add(FAILOVERS, 1);
    ledger.more(ACKNOWLEDGED, 100).await;
    load.stop().await;
    crowd.settle().await;
    ended.stay_ended().await;
}
