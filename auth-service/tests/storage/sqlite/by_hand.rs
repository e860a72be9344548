//! Statements by hand, on a file.

use crate::servers::{sql, sqlite_url};
use sqlx::{AssertSqlSafe, ConnectOptions as _, raw_sql, sqlite::SqliteConnectOptions};
use std::str::FromStr as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_by_hand_ends_as_what_the_service_changes() {
    let directory = tempfile::tempdir().unwrap();
    let url = sqlite_url(directory.path());
    let store = sql(&url).await;
    crate::promises::endings_log::changes_by_hand_are_completed(&store, async |statement| {
        let mut other = SqliteConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
        raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut other).await.unwrap();
    })
    .await;
}
