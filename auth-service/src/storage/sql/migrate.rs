//! Brings the tables up to date. Any number of processes may start at once: one does it, the others wait.

use super::{
    backend::{Backend, Purpose},
    pool::{BUSY, is_busy, open},
};
use sqlx::{
    Connection as _,
    any::AnyConnectOptions,
    migrate::{MigrateError, Migrator},
    raw_sql,
};
use std::time::Duration;
use tokio::time::{sleep, timeout};

// A later version only adds (docs/operate.md), so that this one goes on with a database that it does not fully know.
static ON_BOTH: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!() };
// What the two databases say differently. The numbers go on from those of both.
static ON_POSTGRES: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!("./migrations/postgres") };
static ON_SQLITE: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!("./migrations/sqlite") };

/// How long a start may wait for the database, and for another process that migrates it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(backend: Backend, options: &AnyConnectOptions) -> Result<(), String> {
    let outcome = match backend {
        Backend::Sqlite => timeout(PATIENCE, on_sqlite(options)).await,
        Backend::Postgres => timeout(PATIENCE, on_postgres(options)).await,
    };
    outcome.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())
}

/// sqlx takes an advisory lock, which ends with the connection at the latest.
async fn on_postgres(options: &AnyConnectOptions) -> Result<(), MigrateError> {
    let mut connection = open(options, Purpose::Postgres).await?;
    ON_BOTH.run(&mut connection).await?;
    ON_POSTGRES.run(&mut connection).await?;
    Ok(connection.close().await?)
}

async fn on_sqlite(options: &AnyConnectOptions) -> Result<(), MigrateError> {
    loop {
        match on_free_sqlite(options).await {
            Err(MigrateError::Execute(error)) if is_busy(&error) => sleep(BUSY).await,
            outcome => return outcome,
        }
    }
}

/// sqlx takes no lock here: the whole runs within one transaction that holds the file's, and sqlx's own within it.
async fn on_free_sqlite(options: &AnyConnectOptions) -> Result<(), MigrateError> {
    let mut connection = open(options, Purpose::SqliteDurable).await?;
    raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    ON_BOTH.run(&mut *transaction).await?;
    ON_SQLITE.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// The version that [`run`] brings the tables to.
pub(super) fn newest(backend: Backend) -> i64 {
    let own = match backend {
        Backend::Postgres => &ON_POSTGRES,
        Backend::Sqlite => &ON_SQLITE,
    };
    ON_BOTH.iter().chain(own.iter()).map(|migration| migration.version).max().unwrap_or_default()
}
