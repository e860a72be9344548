//! Redis, alone, behind Sentinel, and in a Cluster.

use super::{is_over_in_time, is_reported_in_time, on_two_workers};
use crate::{
    samples::{LATER, change, session},
    servers::{Cluster, Sentinel},
};
use auth_service::{
    domain::{Unavailable, sessions::store::SessionStore},
    storage::redis::RedisStores,
};
use harness::redis::Redis;
use redis::{Client, cmd};
use shared::ids::{SessionId, UserId};

fn store_at(url: &str) -> RedisStores {
    RedisStores::connect(url).unwrap()
}

async fn write(store: &RedisStores) -> Result<(), Unavailable> {
    store.commit(&change(None, &session(UserId::fresh()), LATER)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_started_again() {
    let mut server = Redis::start();
    let store = store_at(&server.url());
    is_over_in_time("at first", async || store.probe().await).await;
    server.kill();
    is_reported_in_time("Redis killed", async || store.probe().await).await;
    is_reported_in_time("Redis killed, write", async || write(&store).await).await;
    server.restart();
    is_over_in_time("Redis killed", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_started_again_before_anybody_asks() {
    let mut server = Redis::start();
    let store = store_at(&server.url());
    store.probe().await.unwrap();
    server.restart();
    write(&store).await.expect("a broken connection is replaced within the call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_down_at_first() {
    let mut server = Redis::start();
    server.kill();
    let store = store_at(&server.url());
    is_reported_in_time("Redis down at first", async || store.probe().await).await;
    server.restart();
    is_over_in_time("Redis down at first", async || store.probe().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_stalls() {
    let server = Redis::start();
    let store = store_at(&server.url());
    store.probe().await.unwrap();
    server.pause();
    is_reported_in_time("Redis stalled", async || store.read(UserId::fresh(), SessionId::fresh()).await).await;
    server.resume();
    is_over_in_time("Redis stalled", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_paused_by_a_command() {
    let server = Redis::start();
    let store = store_at(&server.url());
    store.probe().await.unwrap();
    let tell = |command: &str| {
        let words: Vec<&str> = command.split(' ').collect();
        cmd("CLIENT").arg(words).exec(&mut Client::open(server.url())?.get_connection()?)
    };
    tell("PAUSE 60000 WRITE").unwrap();
    is_reported_in_time("Redis paused", async || write(&store).await).await;
    tell("UNPAUSE").unwrap();
    is_over_in_time("Redis paused", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_takes_over_when_the_master_dies() {
    let mut servers = Sentinel::start();
    let store = store_at(&servers.url());
    is_over_in_time("at first", async || write(&store).await).await;
    servers.kill_master();
    assert!(write(&store).await.is_err());
    servers.wait_for_failover();
    is_over_in_time("Sentinel, master killed", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_takes_over_while_the_master_lives() {
    let servers = Sentinel::start();
    let store = store_at(&servers.url());
    is_over_in_time("at first", async || write(&store).await).await;
    servers.swap();
    is_over_in_time("Sentinel, master swapped", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_killed_and_started_again() {
    let mut cluster = Cluster::start();
    let store = store_at(&cluster.url());
    is_over_in_time("at first", async || write(&store).await).await;
    cluster.kill();
    is_reported_in_time("Cluster killed", async || write(&store).await).await;
    cluster.restart();
    is_over_in_time("Cluster killed", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_stalls() {
    let cluster = Cluster::start();
    let store = store_at(&cluster.url());
    is_over_in_time("at first", async || write(&store).await).await;
    cluster.pause();
    is_reported_in_time("Cluster stalled", async || write(&store).await).await;
    cluster.resume();
    is_over_in_time("Cluster stalled", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_over_in_a_cluster() {
    let mut cluster = Cluster::start();
    cluster.add_replica();
    let store = store_at(&cluster.url());
    is_over_in_time("at first", async || write(&store).await).await;
    cluster.fail_over();
    is_over_in_time("Cluster, master killed", async || write(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_over_in_a_cluster_from_a_stalled_master() {
    let mut cluster = Cluster::start();
    cluster.add_replica();
    let store = store_at(&cluster.url());
    is_over_in_time("at first", async || write(&store).await).await;
    let _frozen = cluster.freeze_over();
    is_over_in_time("Cluster, master stalled", async || write(&store).await).await;
    is_over_in_time("Cluster, master stalled, new", async || write(&store_at(&cluster.url())).await).await;
}

#[test]
fn a_worker_that_ends_breaks_no_connection_of_another() {
    let server = Redis::start();
    let store = store_at(&server.url());
    on_two_workers(async || write(&store).await);
}
