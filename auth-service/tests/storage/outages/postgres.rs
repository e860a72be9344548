//! PostgreSQL.

use super::{SECOND, is_over_in_time, is_reported_in_time, on_two_workers};
use crate::{
    samples::{account, now},
    servers::{Wire, sql},
};
use auth_service::{
    domain::{Unavailable, accounts::Accounts, sessions::endings::Endings as _},
    storage::sql::Sql,
};
use futures_util::future::{join_all, try_join_all};
use harness::{eventually, lateness::Lateness, postgres::Postgres};
use shared::ids::{SessionId, UserId};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::spawn_blocking,
    time::{interval, sleep},
};
use url::Url;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_killed_and_started_again() {
    let mut server = Postgres::start();
    let (store, new) = (sql(&server.fresh_database()).await, account());
    store.create(&new).await.unwrap();
    is_over_in_time("at first", async || store.status(new.id, SessionId::fresh()).await).await;
    server.kill();
    is_reported_in_time("PostgreSQL killed", async || store.status(new.id, SessionId::fresh()).await).await;
    is_reported_in_time("PostgreSQL killed, write", async || store.raise_epoch(new.id, None, now()).await).await;
    server.restart();
    is_over_in_time("PostgreSQL killed", async || ask(&store).await).await;
    assert!(store.by_id(new.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_started_again_before_anybody_asks() {
    let mut server = Postgres::start();
    let store = sql(&server.fresh_database()).await;
    is_over_in_time("at first", async || ask(&store).await).await;
    server.restart();
    is_over_in_time("PostgreSQL restarted", async || ask(&store).await).await;
}

async fn ask(store: &Sql) -> Result<(), Unavailable> {
    store.status(UserId::fresh(), SessionId::fresh()).await.map(drop)
}

/// A database that is reached through a wire, not queried yet.
async fn freshly_wired() -> (Wire, Sql) {
    let mut url = Url::parse(&harness::postgres::fresh_database()).unwrap();
    let wire = Wire::to(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), url.port().unwrap())).await;
    url.set_port(Some(wire.address().port())).unwrap();
    let store = sql(url.as_str()).await;
    (wire, store)
}

/// A database that is reached through a wire.
async fn wired() -> (Wire, Sql) {
    let (wire, store) = freshly_wired().await;
    is_over_in_time("at first", async || ask(&store).await).await;
    (wire, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stalls() {
    let (wire, store) = wired().await;
    wire.goes_dead();
    is_reported_in_time("PostgreSQL stalled", async || ask(&store).await).await;
    wire.is_mended();
    is_over_in_time("PostgreSQL stalled", async || ask(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_firewall_forgets_disturb_few_calls() {
    let (wire, store) = wired().await;
    wire.forgets();
    let mut disturbed = 0;
    for _ in 0..20 {
        let asked = Instant::now();
        let is_calm = ask(&store).await.is_ok() && asked.elapsed() < Duration::from_millis(250);
        disturbed += u32::from(!is_calm);
    }
    assert!(disturbed < 5, "{disturbed} of 20");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_workers_keep_their_connections() {
    let (wire, store) = wired().await;
    let crowd = async |store: Sql| {
        for _ in 0..10 {
            join_all((0..40).map(|_| ask(&store))).await.into_iter().for_each(Result::unwrap);
        }
    };
    let worker =
        |store: Sql| move || Builder::new_current_thread().enable_all().build().unwrap().block_on(crowd(store));
    let workers = [spawn_blocking(worker(store.clone())), spawn_blocking(worker(store))];
    try_join_all(workers).await.unwrap();
    assert!(wire.connections() < 60, "{} connections for 800 calls", wire.connections());
}

/// A server that hangs is asked for two connections at a time, whichever callers give up meanwhile: an attempt must not
/// end with the caller that began it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stalls_while_calls_keep_coming() {
    let (wire, store) = wired().await;
    wire.is_slow_to_connect(Duration::from_millis(30));
    let calling = store.clone();
    let calls = tokio::spawn(async move {
        let mut every = interval(Duration::from_millis(2));
        loop {
            every.tick().await;
            let store = calling.clone();
            tokio::spawn(async move { ask(&store).await });
        }
    });
    wire.goes_dead();
    sleep(Duration::from_secs(3)).await;
    wire.is_mended();
    let (mended, lateness) = (Instant::now(), Lateness::from_now());
    is_over_in_time("PostgreSQL stalled", async || ask(&store).await).await;
    assert!(mended.elapsed() < SECOND + lateness.so_far(), "{:?}", mended.elapsed());
    calls.abort();
}

/// Opening a connection costs the server more than all queries here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_waits_for_connections_and_opens_few_at_a_time() {
    let (wire, store) = freshly_wired().await;
    let before = wire.connections();
    wire.goes_dead();
    let lateness = Lateness::from_now();
    let burst = tokio::spawn(async move { join_all((0..40).map(|_| ask(&store))).await });
    let opened = || wire.connections() - before;
    eventually("some are opened", Duration::from_secs(10), async || (opened() > 0).then_some(())).await;
    sleep(Duration::from_millis(100)).await;
    assert!(opened() <= 2, "{} for 40 calls", opened());
    wire.is_mended();
    let is_served = burst.await.unwrap().iter().all(Result::is_ok);
    assert!(is_served || lateness.so_far() > Duration::from_millis(300), "callers that wait get a connection");
}

#[test]
fn a_worker_that_ends_breaks_no_connection_of_another() {
    let url = harness::postgres::fresh_database();
    let store = Runtime::new().unwrap().block_on(sql(&url));
    on_two_workers(async || store.end_session(UserId::fresh(), SessionId::fresh(), now()).await);
}
