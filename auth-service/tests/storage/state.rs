//! What real servers report to `auth-service doctor`.

use crate::servers::{postgres, redis, redis_cluster, sqlite, sqlite_url};
use auth_service::storage::{
    redis::{RedisState, RedisStores},
    sql::Sql,
};
use shared::clock::SystemClock;
use std::sync::Arc;

async fn states(store: &RedisStores) -> Vec<RedisState> {
    store.state().await.unwrap()
}

#[tokio::test]
async fn a_redis_and_each_server_of_a_cluster_report_what_they_do_with_sessions() {
    for (store, at_least) in [(redis().await, 1), (redis_cluster().await, 2)] {
        let states = states(&store).await;
        assert!(states.len() >= at_least, "{states:?}");
        for state in states {
            assert_eq!((state.eviction.as_str(), state.saves), ("noeviction", Some(false)), "{state:?}");
            assert!(state.now.is_some() && !state.version.is_empty(), "{state:?}");
        }
    }
}

#[tokio::test]
async fn a_database_reports_its_version_and_how_durable_it_is() {
    let (file, server) = (sqlite().await, postgres().await);
    let (file, server) = (file.state().await.unwrap(), server.state().await.unwrap());
    assert_eq!((file.kind, server.kind), ("SQLite", "PostgreSQL"));
    assert!(file.version == Some(file.known_version) && server.version == file.version);
    assert_eq!(server.settings["fsync"], "off");
    assert_eq!(server.settings["synchronous_commit"], "off", "the server's own, whatever this connection has");
    assert!(file.settings.is_empty());
}

#[tokio::test]
async fn a_database_without_tables_is_reported_and_left_alone() {
    let server = harness::postgres::fresh_database();
    let directory = tempfile::tempdir().unwrap();
    let database = Sql::as_it_is(&server, Arc::new(SystemClock)).unwrap();
    for _ in 0..2 {
        assert_eq!(database.state().await.unwrap().version, None);
    }
    let missing = Sql::as_it_is(&format!("{}?mode=rwc", sqlite_url(directory.path())), Arc::new(SystemClock));
    assert!(missing.err().unwrap().to_string().contains("there is no file"));
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}
