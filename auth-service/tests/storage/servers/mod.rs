//! The stores under test, each on a real server: a new SQLite file or PostgreSQL database for each test, a Redis and a
//! Redis Cluster that all tests share.

mod wire;

pub use self::wire::Wire;
pub use harness::redis::{Cluster, Sentinel};

use auth_service::storage::{redis::RedisStores, sql::Sql};
use harness::redis::Redis;
use shared::clock::SystemClock;
use std::{
    ops::Deref,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};
use tempfile::TempDir;

/// A store, and the directory that lives as long.
pub struct Store<S> {
    store: S,
    _directory: Option<TempDir>,
}

impl<S> Deref for Store<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.store
    }
}

pub async fn sql(url: &str) -> Sql {
    Sql::connect(url, Arc::new(SystemClock)).await.unwrap()
}

pub fn sqlite_url(directory: &Path) -> String {
    format!("sqlite://{}/data/auth.db", directory.display())
}

pub async fn sqlite() -> Store<Sql> {
    let directory = tempfile::tempdir().unwrap();
    let store = sql(&sqlite_url(directory.path())).await;
    Store { store, _directory: Some(directory) }
}

pub async fn postgres() -> Store<Sql> {
    Store { store: sql(&harness::postgres::fresh_database()).await, _directory: None }
}

/// No test may stop or empty it.
pub fn shared_redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(Redis::start)
}

pub async fn redis() -> Store<RedisStores> {
    Store { store: RedisStores::connect(&shared_redis().url()).unwrap(), _directory: None }
}

pub async fn redis_cluster() -> Store<RedisStores> {
    let url = SHARED_CLUSTER.lock().unwrap().get_or_insert_with(start_shared_cluster).url();
    Store { store: RedisStores::connect(&url).unwrap(), _directory: None }
}

static SHARED_CLUSTER: Mutex<Option<Cluster>> = Mutex::new(None);

fn start_shared_cluster() -> Cluster {
    let cluster = Cluster::start();
    #[expect(unsafe_code, reason = "Rust has no other hook for the end of a process; statics are never dropped")]
    // SAFETY: the handler takes no arguments, does not unwind, and runs on the main thread at a normal exit.
    unsafe {
        libc::atexit(stop_shared_cluster);
    }
    cluster
}

/// Removes its directories with it.
extern "C" fn stop_shared_cluster() {
    drop(SHARED_CLUSTER.lock().map(|mut cluster| cluster.take()));
}
