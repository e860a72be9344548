//! PgBouncer between auth-service and the server.

use crate::promises;
use auth_service::storage::sql::Sql;
use harness::{pgbouncer::PgBouncer, postgres};
use shared::clock::SystemClock;
use std::sync::Arc;

const IGNORES_EXTRA_PARAMETERS: &str = "ignore_startup_parameters = extra_float_digits";

async fn open(database: &str, settings: &str) -> (Result<Sql, String>, PgBouncer) {
    let pooler = PgBouncer::before(database, settings);
    let store = Sql::connect(&pooler.url(database), Arc::new(SystemClock)).await;
    (store.map_err(|error| error.to_string()), pooler)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_pooling_works_as_a_direct_connection_does() {
    let database = postgres::fresh_database();
    let (store, _pooler) = open(&database, &format!("pool_mode = session\n{IGNORES_EXTRA_PARAMETERS}")).await;
    let store = store.unwrap();
    promises::sessions::the_store_can_be_reached(&store).await;
    promises::accounts::an_account_is_found_by_address_and_by_id(&store).await;
    promises::accounts::one_of_many_concurrent_registrations_of_an_address_succeeds(&store).await;
    promises::accounts::probing_the_store_leaves_nothing_behind(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_breaks_prepared_statements_is_reported_at_the_start() {
    let database = postgres::fresh_database();
    let mode = format!("pool_mode = transaction\n{IGNORES_EXTRA_PARAMETERS}");
    let (store, pooler) = open(&database, &mode).await;
    let reason = store.err().expect("it is refused");
    assert!(reason.contains("set pool_mode = session"), "{reason}");
    let again = Sql::connect(&pooler.url(&database), Arc::new(SystemClock)).await;
    assert!(again.map(drop).unwrap_err().to_string().contains("set pool_mode = session"));
    Sql::connect(&database, Arc::new(SystemClock)).await.map(drop).expect("no lock is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_refuses_startup_parameters_is_reported_with_the_setting() {
    let (store, _pooler) = open(&postgres::fresh_database(), "pool_mode = session").await;
    let reason = store.err().expect("it is refused");
    assert!(reason.contains("ignore_startup_parameters = extra_float_digits"), "{reason}");
}
