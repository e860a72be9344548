//! Searches for users on a server.

use crate::{promises, samples::account, servers::sql};
use auth_service::domain::accounts::{AccountQuery, Accounts as _, SearchError};
use harness::postgres::{self, Postgres};
use sqlx::{Connection as _, PgConnection, raw_sql};

const INDEX: &str = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('users_by_search') AND indisvalid";

fn query(text: &str) -> AccountQuery {
    AccountQuery { search: Some(text.to_owned()), limit: 10, ..AccountQuery::default() }
}

#[tokio::test]
async fn an_index_is_built_once_without_downtime_and_gives_the_same_results() {
    let database = postgres::fresh_database();
    let stores = [sql(&database).await, sql(&database).await];
    promises::listing::a_search_text_of_any_length_can_be_paged_through(&stores[0]).await;
    for store in &stores {
        store.make_indexes().await.unwrap();
        assert_eq!(Postgres::query(&database, INDEX), "1");
    }
    promises::listing::the_search_is_literal_and_ignores_case(&stores[0]).await;
    promises::listing::a_search_text_of_any_length_can_be_paged_through(&stores[1]).await;
    promises::listing::other_conditions_hold_beside_any_search_text(&stores[1]).await;
    let plan =
        "SET enable_seqscan = off; SET enable_indexscan = off; EXPLAIN SELECT id FROM users WHERE search LIKE '%ada%'";
    assert!(Postgres::query(&database, plan).contains("users_by_search"), "searches can use it");
}

#[tokio::test]
async fn the_remains_of_an_interrupted_index_build_are_replaced() {
    let database = postgres::fresh_database();
    let store = sql(&database).await;
    Postgres::execute(&database, "CREATE EXTENSION pg_trgm");
    Postgres::execute(&database, "CREATE INDEX users_by_search ON users USING gin (search gin_trgm_ops)");
    Postgres::execute(
        &database,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_by_search'::regclass",
    );
    promises::listing::the_search_is_literal_and_ignores_case(&store).await;
    store.make_indexes().await.unwrap();
    assert_eq!(Postgres::query(&database, INDEX), "1");
}

/// The table is locked, which takes longer than any search may.
#[tokio::test]
async fn a_search_that_takes_too_long_is_cancelled_and_is_not_an_outage() {
    let database = postgres::fresh_database();
    let (store, new) = (sql(&database).await, account());
    store.create(&new).await.unwrap();
    store.make_indexes().await.unwrap();
    let mut other = PgConnection::connect(&database).await.unwrap();
    raw_sql("BEGIN; LOCK TABLE users").execute(&mut other).await.unwrap();
    let outcome = store.page(&query("example")).await;
    assert!(matches!(outcome, Err(SearchError::TooSlow)), "{outcome:?}");
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%search LIKE%' AND state = 'active' AND pid <> pg_backend_pid()";
    assert_eq!(Postgres::query(&database, running), "0", "the database no longer works on the cancelled search");
    raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(store.page(&query(new.email.as_str())).await.unwrap().len(), 1);
}
