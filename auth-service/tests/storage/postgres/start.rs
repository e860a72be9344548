//! What is specific to a database on a server.

use crate::{promises, servers::sql};
use auth_service::{
    domain::{keys::table::KeyTable as _, sessions::store::SessionStore as _},
    storage::sql::Sql,
};
use futures_util::future::join_all;
use shared::{
    clock::{ManualClock, SystemClock, Timestamp},
    ids::{SessionId, UserId},
};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_stores_may_open_an_empty_database_at_once() {
    let url = harness::postgres::fresh_database();
    let stores = join_all((0..8).map(|_| Sql::connect(&url, Arc::new(SystemClock)))).await;
    for store in stores {
        promises::sessions::the_store_can_be_reached(&store.unwrap()).await;
    }
}

#[tokio::test]
async fn the_store_goes_by_the_clock_of_the_server() {
    let wrong = ManualClock::at(Timestamp::from_secs(1_000));
    let store = Sql::connect(&harness::postgres::fresh_database(), Arc::new(wrong)).await.unwrap();
    promises::sessions::an_unknown_session_reads_as_none_with_the_time(&store).await;
    promises::key_table::an_empty_table_still_tells_the_time(&store).await;
    let again = store.read(UserId::fresh(), SessionId::fresh()).await.unwrap().now;
    assert!(store.keys().await.unwrap().now >= again);
}

#[tokio::test]
async fn no_event_can_be_changed() {
    let url = harness::postgres::fresh_database();
    promises::audit::no_event_can_be_changed(&sql(&url).await, &url).await;
}
