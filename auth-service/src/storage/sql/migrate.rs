//! Brings the tables up to date. Any number of processes may start at once: one does it, the others wait.

use super::{
    backend::{self, Backend},
    connections::{is_busy, open},
    sqlite_file,
};
use sqlx::{AnyConnection, Connection as _, any::AnyConnectOptions, migrate::MigrateError, raw_sql};
use std::time::Duration;
use tokio::time::{sleep, timeout};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// How long a start may wait for the database, and for another process that migrates it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(backend: Backend, url: &str, options: &AnyConnectOptions) -> Result<(), String> {
    let outcome = match backend {
        Backend::Sqlite => timeout(PATIENCE, on_sqlite(url, options)).await,
        Backend::Postgres => timeout(PATIENCE, on_postgres(options)).await,
    };
    outcome.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())
}

/// sqlx takes an advisory lock, which ends with the connection at the latest.
async fn on_postgres(options: &AnyConnectOptions) -> Result<(), MigrateError> {
    let mut connection = open(options, backend::POSTGRES).await?;
    MIGRATOR.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// sqlx takes no lock here, and its own transactions leave no room for one of ours: a lock file beside the database.
async fn on_sqlite(url: &str, options: &AnyConnectOptions) -> Result<(), MigrateError> {
    let lock = sqlite_file::lock(url).await.map_err(MigrateError::Source)?;
    let mut connection = open(options, backend::SQLITE_DURABLE).await?;
    patiently(&mut connection, "PRAGMA journal_mode = WAL").await?;
    MIGRATOR.run(&mut connection).await?;
    connection.close().await?;
    drop(lock);
    Ok(())
}

async fn patiently(connection: &mut AnyConnection, statement: &'static str) -> sqlx::Result<()> {
    loop {
        match raw_sql(statement).execute(&mut *connection).await {
            Err(error) if is_busy(&error) => sleep(Duration::from_millis(5)).await,
            outcome => return outcome.map(drop),
        }
    }
}
