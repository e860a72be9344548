//! PostgreSQL.

use super::{is_over_in_time, is_told_in_time};
use crate::{
    samples::{account, now},
    servers::{Wire, sql},
};
use auth_service::domain::account::Accounts;
use harness::postgres::Postgres;
use shared::ids::SessionId;
use std::net::SocketAddr;
use url::Url;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_killed_and_started_again() {
    let mut server = Postgres::start();
    let (store, new) = (sql(&server.fresh_database()).await, account());
    store.create(&new).await.unwrap();
    is_over_in_time("at first", async || store.standing(new.id, SessionId::fresh()).await).await;
    server.kill();
    is_told_in_time("PostgreSQL killed", async || store.standing(new.id, SessionId::fresh()).await).await;
    is_told_in_time("PostgreSQL killed, write", async || store.raise_epoch(new.id, None, now()).await).await;
    server.restart();
    is_over_in_time("PostgreSQL killed", async || Accounts::ping(&store).await).await;
    assert!(store.by_id(new.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_started_again_before_anybody_asks() {
    let mut server = Postgres::start();
    let store = sql(&server.fresh_database()).await;
    is_over_in_time("at first", async || Accounts::ping(&store).await).await;
    server.restart();
    is_over_in_time("PostgreSQL restarted", async || Accounts::ping(&store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stands_still() {
    let mut url = Url::parse(&harness::postgres::fresh_database()).unwrap();
    let server = SocketAddr::new("127.0.0.1".parse().unwrap(), url.port().unwrap());
    let wire = Wire::to(server).await;
    url.set_port(Some(wire.address().port())).unwrap();
    let store = sql(url.as_str()).await;
    is_over_in_time("at first", async || Accounts::ping(&store).await).await;
    wire.goes_dead();
    is_told_in_time("PostgreSQL still", async || Accounts::ping(&store).await).await;
    wire.is_mended();
    is_over_in_time("PostgreSQL still", async || Accounts::ping(&store).await).await;
}
