//! Brings the tables up to date. Any number of processes may start at once: one does it, the others wait.

use super::{
    backend::{Backend, Purpose},
    pool::{BUSY, is_busy, open},
};
use sqlx::{
    Connection as _, Executor as _,
    any::AnyConnectOptions,
    migrate::{MigrateError, Migrator},
    raw_sql,
};
use tokio::time::sleep;

// Later versions only add (docs/operate.md), so this one works with a database that it does not fully know. The lock is
// taken here.
static ON_BOTH: Migrator = Migrator { ignore_missing: true, locking: false, ..sqlx::migrate!() };
// What the two databases need differently. Its numbers continue those of both.
static ON_POSTGRES: Migrator =
    Migrator { ignore_missing: true, locking: false, ..sqlx::migrate!("./migrations/postgres") };
static ON_SQLITE: Migrator = Migrator { ignore_missing: true, locking: false, ..sqlx::migrate!("./migrations/sqlite") };

/// Held while a PostgreSQL database is migrated, to the end of the transaction: sqlx's own lock belongs to the session,
/// and would outlive the process in a pooler's.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7235421908)";

pub(in crate::storage) async fn run(backend: Backend, options: &AnyConnectOptions) -> Result<(), MigrateError> {
    match backend {
        Backend::Sqlite => on_sqlite(options).await,
        Backend::Postgres => on_postgres(options).await,
    }
}

async fn on_postgres(options: &AnyConnectOptions) -> Result<(), MigrateError> {
    let mut connection = open(options, Purpose::Postgres).await?;
    let mut transaction = connection.begin().await?;
    (&mut *transaction).execute(raw_sql(LOCK)).await?;
    ON_BOTH.run(&mut *transaction).await?;
    ON_POSTGRES.run(&mut *transaction).await?;
    transaction.commit().await?;
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

/// Everything runs within one transaction, which holds the file's lock; sqlx's transactions are nested in it.
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
pub(in crate::storage) fn newest(backend: Backend) -> i64 {
    known(backend).map(|(version, _)| version).max().unwrap_or_default()
}

/// The versions that [`run`] passes through, and their names.
pub(in crate::storage) fn known(backend: Backend) -> impl Iterator<Item = (i64, &'static str)> {
    let own = match backend {
        Backend::Postgres => &ON_POSTGRES,
        Backend::Sqlite => &ON_SQLITE,
    };
    ON_BOTH.iter().chain(own.iter()).map(|migration| (migration.version, &*migration.description))
}
