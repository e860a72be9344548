//! Promises of signing keys, on a real database: replicas agree, no verifier refuses a token for a rotation, and the
//! root secret can be replaced.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise, and its message is the error")]

mod rotation;
mod secret;

use auth_service::{
    crypto,
    domain::{
        keys::{KeyError, KeyPolicy, SigningKeys},
        secrets::{KeyRing, RootSecret},
    },
    storage::sql::Sql,
};
use futures_util::future::join_all;
use shared::clock::{Clock, SystemClock};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

const POLICY: KeyPolicy = KeyPolicy {
    bits: 2048,
    max_age: Duration::from_secs(300),
    lifetime: Duration::from_secs(3600),
    lead: Duration::from_secs(600),
    token_life: Duration::from_secs(900),
};

fn root() -> RootSecret {
    secret_of(&RootSecret::generate())
}

fn secret_of(text: &str) -> RootSecret {
    RootSecret::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

struct Database {
    sql: Arc<Sql>,
    clock: Arc<dyn Clock>,
    _directory: TempDir,
}

impl Database {
    async fn at(clock: impl Clock + 'static) -> Self {
        crypto::install();
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let url = format!("sqlite://{}/auth.db", directory.path().display());
        let sql = Arc::new(Sql::connect(&url, Arc::clone(&clock)).await.unwrap());
        Self { sql, clock, _directory: directory }
    }

    async fn replica(&self, secrets: KeyRing) -> Result<SigningKeys, KeyError> {
        self.replica_with(secrets, POLICY).await
    }

    async fn replica_with(&self, secrets: KeyRing, policy: KeyPolicy) -> Result<SigningKeys, KeyError> {
        SigningKeys::open(self.sql.clone(), Arc::new(secrets), policy, Arc::clone(&self.clock)).await
    }
}

async fn replicas_that_start_on_an_empty_database_sign_with_one_key(sql: Arc<Sql>) {
    crypto::install();
    let text = RootSecret::generate();
    let start = || {
        let secrets = Arc::new(KeyRing::new(&secret_of(&text), None));
        SigningKeys::open(sql.clone(), secrets, POLICY, Arc::new(SystemClock))
    };
    let replicas = join_all((0..4).map(|_| start())).await;
    let kids: Vec<_> = replicas.into_iter().map(|keys| keys.map(|keys| keys.active().signer.kid.clone())).collect();
    let first = kids[0].as_ref().unwrap();
    assert!(kids.iter().all(|kid| kid.as_ref().unwrap() == first), "{kids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_on_an_empty_sqlite_file_sign_with_one_key() {
    let database = Database::at(SystemClock).await;
    replicas_that_start_on_an_empty_database_sign_with_one_key(database.sql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_on_an_empty_postgres_sign_with_one_key() {
    let url = harness::postgres::fresh_database();
    let sql = Sql::connect(&url, Arc::new(SystemClock)).await.unwrap();
    replicas_that_start_on_an_empty_database_sign_with_one_key(Arc::new(sql)).await;
}
