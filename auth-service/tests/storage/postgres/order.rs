//! The log of endings on a server, where transactions end in another order than they begin in.

use crate::{samples::now, servers::sql};
use auth_service::domain::{
    revocations::{Ending, EndingsLog as _},
    sessions::endings::Endings as _,
};
use harness::postgres::{self, Postgres};
use shared::ids::{SessionId, UserId};
use sqlx::{Connection as _, PgConnection, raw_sql};
use std::time::Duration;

/// Ends a session in a transaction that stays open.
async fn open_transaction(database: &str, sid: &str) -> PgConnection {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let end = format!("BEGIN; INSERT INTO ended_sessions (sub, sid, until) VALUES ('ada', '{sid}', 1)");
    raw_sql(sqlx::AssertSqlSafe(end)).execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn an_ending_that_is_committed_late_is_not_missed_by_whoever_has_read_a_later_one() {
    let database = postgres::fresh_database();
    let replicas = [sql(&database).await, sql(&database).await];
    let mut slow = open_transaction(&database, "slow").await;
    let quick = SessionId::fresh();
    replicas[0].end_session(UserId::fresh(), quick, now().plus(Duration::from_secs(3600))).await.unwrap();

    replicas[0].number().await.unwrap();
    let (read, _) = replicas[1].after(0).await.unwrap();
    assert_eq!(read.len(), 1, "the other one is not committed");
    raw_sql("COMMIT").execute(&mut slow).await.unwrap();

    let by_id = "SELECT string_agg(CASE name WHEN 'slow' THEN 'slow' ELSE 'quick' END, ' ' ORDER BY id) FROM endings";
    assert_eq!(Postgres::query(&database, by_id), "slow quick", "a reader that follows the ids has gone past it");
    replicas[1].number().await.unwrap();
    let (later, _) = replicas[0].after(read[0].number).await.unwrap();
    assert_eq!(later[0].ending, Some(Ending::Session(b"slow".to_vec())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_wait_neither_for_each_other_nor_for_whoever_numbers() {
    let database = postgres::fresh_database();
    let store = sql(&database).await;
    let mut open = open_transaction(&database, "open").await;
    let mut numbering = PgConnection::connect(&database).await.unwrap();
    raw_sql("BEGIN; SELECT pg_advisory_xact_lock(7215635)").execute(&mut numbering).await.unwrap();
    let end = store.end_session(UserId::fresh(), SessionId::fresh(), now().plus(Duration::from_secs(3600)));
    tokio::time::timeout(Duration::from_secs(1), end).await.expect("nobody waits").unwrap();
    raw_sql("COMMIT").execute(&mut numbering).await.unwrap();
    assert!(!store.number().await.unwrap(), "an open transaction does not hold up numbering");
    assert_eq!(store.after(0).await.unwrap().0.len(), 1);
    raw_sql("ROLLBACK").execute(&mut open).await.unwrap();
}

#[tokio::test]
async fn what_is_changed_by_hand_ends_as_what_the_service_changes() {
    let database = postgres::fresh_database();
    let store = sql(&database).await;
    crate::promises::endings_log::changes_by_hand_are_completed(&store, async |statement| {
        Postgres::execute(&database, statement)
    })
    .await;
}
