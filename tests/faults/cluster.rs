//! A Redis Cluster of three masters: nothing differs for clients. And a master's failover in it.

use crate::{
    client::UNLIMITED,
    crowd::Crowd,
    ended::Ended,
    ledger::{ACKNOWLEDGED, FORKS, Ledger, PUT_OFF, RECORDS_LOST, REFUSED, REVIVED, SESSIONS_LOST},
    size::size,
};
use harness::{Stack, Storage, redis::Cluster, storage::random_secret};
use std::{sync::Arc, time::Duration};

const WIPES: &str = "FLUSHALLs";
const FAILOVERS: &str = "failovers";
const IN_USE: &str = "masters in use";

async fn stack_on(cluster: &Cluster) -> Stack {
    Stack::on(Storage::Embedded)
        .unlimited()
        .auth("AUTH_REDIS_URL", &cluster.url())
        .auth("AUTH_SECRET", &random_secret())
        .auth("AUTH_REPLAY_WINDOW", "0s")
        .start_auth()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_masters_wiped_under_load() {
    let ledger = Arc::new(Ledger::default());
    let cluster = Cluster::start();
    let stack = stack_on(&cluster).await;
    let crowd = Crowd::gather(&stack, 6, 1, UNLIMITED, &ledger).await;
    let ended = Ended::begin(&stack, &ledger).await;
    let load = crowd.at_work(Some(&ended));
    for _ in 0..size(3, 40) {
        ledger.more(ACKNOWLEDGED, fastrand::u64(30..90)).await;
        ledger.add(RECORDS_LOST, cluster.generations().len() as u64);
        cluster.flush();
        ledger.add(WIPES, 1);
    }
    ledger.more(ACKNOWLEDGED, 50).await;
    load.stop().await;
    crowd.settle().await;
    ledger.add(IN_USE, cluster.sessions().iter().filter(|sessions| **sessions > 0).count() as u64);
    ended.stay_ended().await;
    crowd.look_for_forks(&stack.auth, Duration::ZERO).await;
    ledger.conclude("Cluster of three, wiped", &[RECORDS_LOST, IN_USE, REFUSED], &[SESSIONS_LOST, FORKS, REVIVED]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_masters_failover() {
    let ledger = Arc::new(Ledger::default());
    for _ in 0..size(1, 10) {
        fail_over(&ledger).await;
    }
    ledger.conclude("Cluster, failover of a master", &[PUT_OFF, FAILOVERS, REFUSED], &[SESSIONS_LOST, REVIVED]);
}

async fn fail_over(ledger: &Arc<Ledger>) {
    let mut cluster = Cluster::start();
    cluster.add_replica();
    let stack = stack_on(&cluster).await;
    let crowd = Crowd::gather(&stack, 6, 1, UNLIMITED, ledger).await;
    let ended = Ended::begin(&stack, ledger).await;
    let load = crowd.at_work(Some(&ended));
    ledger.more(ACKNOWLEDGED, 100).await;
    cluster.fail_over();
    ledger.add(FAILOVERS, 1);
    ledger.more(ACKNOWLEDGED, 100).await;
    load.stop().await;
    crowd.settle().await;
    ended.stay_ended().await;
}
