//! Tries whether the database accepts what requests write, on a separate connection. The transaction deletes again what
//! it writes, and is committed: a full disk, or a standby that does not confirm, fails only the commit.

use super::{
    Sql,
    engine::{
        backend::Purpose,
        faults::{Place, told},
        pool::{BUSY, is_busy, open},
    },
    unavailable,
};
use crate::{domain::Unavailable, storage::PATIENCE};
use sqlx::{
    AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _,
    any::{AnyArguments, AnyConnectOptions},
    query,
    query::Query,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// The tables that requests write to, wherever sessions are.
pub(super) const ACCOUNTS: &[&str] = &["users", "ended_sessions", "endings", "audit", "mail_outbox"];
/// The tables that requests also write to if there is no Redis.
pub(super) const SESSIONS: &[&str] = &["sealed_sessions", "counters"];

/// How long to retry while another process holds the file: less than a call may take, so that the reason is reported.
const HELD: Duration = Duration::from_millis(600);

/// Longer than a call of the service may take, because the doctor's first call also connects.
const CONNECT: Duration = Duration::from_secs(3);

/// How the database is tried.
pub(super) struct Probing {
    options: AnyConnectOptions,
    purpose: Purpose,
    /// On SQLite, the turns of all writers: they are fair, and the file's lock is not.
    turns: Arc<Semaphore>,
    place: Place,
}

impl Probing {
    pub(super) fn new(options: AnyConnectOptions, purpose: Purpose, turns: Arc<Semaphore>, place: Place) -> Self {
        Self { options, purpose, turns, place }
    }

    /// A separate connection, for inspection.
    pub(super) async fn connect(&self) -> Result<AnyConnection, Unavailable> {
        let opened = timeout(CONNECT, open(&self.options, self.purpose)).await;
        let opened = opened.map_err(|_| unavailable(self.place.says("no answer in time")))?;
        opened.map_err(|error| unavailable(self.place.refusal(&error)))
    }

    async fn attempt(&self, tables: &[&str]) -> sqlx::Result<Option<String>> {
        let _turn = self.turns.acquire().await.expect("the turns are never closed");
        let mut connection = open(&self.options, self.purpose).await?;
        let missing = match self.purpose {
            Purpose::Postgres => missing_rights(&mut connection, tables).await?,
            Purpose::SqliteDurable | Purpose::SqliteBulk | Purpose::SqliteRelaxed => None,
        };
        if missing.is_none() {
            self.write(&mut connection).await?;
        }
        connection.close().await?;
        Ok(missing)
    }

    async fn write(&self, connection: &mut AnyConnection) -> sqlx::Result<()> {
        let begun = Instant::now();
        loop {
            match write_and_take_back(connection, self.purpose).await {
                Err(error) if is_busy(&error) && begun.elapsed() < HELD => sleep(BUSY).await,
                outcome => return outcome,
            }
        }
    }
}

impl Sql {
    /// Whether the database accepts what requests write to these tables.
    pub(super) async fn try_out(&self, tables: &[&str]) -> Result<(), Unavailable> {
        match timeout(PATIENCE, self.probing.attempt(tables)).await {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(missing))) => Err(unavailable(format!(
                "its user lacks rights that requests need ({missing}): GRANT SELECT, INSERT, UPDATE, DELETE on all of auth-service's tables"
            ))),
            // Requests already have connections, and continue.
            Ok(Err(error)) if has_no_room(&error) => self.durable.run(|| query("SELECT 1")).await.map(drop),
            Ok(Err(error)) => Err(unavailable(told(&error))),
            Err(_) => Err(unavailable("no answer in time")),
        }
    }
}

/// PostgreSQL's "too many connections".
fn has_no_room(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "53300")
}

async fn write_and_take_back(connection: &mut AnyConnection, purpose: Purpose) -> sqlx::Result<()> {
    let name = format!("probe-{}", Uuid::new_v4());
    let statement = |text: &'static str| -> Query<'static, sqlx::Any, AnyArguments> { query(text).bind(name.clone()) };
    let mut transaction = connection.begin_with(purpose.begin()).await?;
    let insert = statement("INSERT INTO ended_sessions (sub, sid, until) VALUES ($1, 'probe', 0)");
    (&mut *transaction).execute(insert).await?;
    (&mut *transaction).execute(statement("DELETE FROM ended_sessions WHERE sub = $1")).await?;
    transaction.commit().await
}

/// Which rights are missing on which tables, if any are.
async fn missing_rights(connection: &mut AnyConnection, tables: &[&str]) -> sqlx::Result<Option<String>> {
    let listed = tables.iter().map(|table| format!("('{table}')")).collect::<Vec<_>>().join(", ");
    let missing = format!(
        "SELECT string_agg(what, ', ') AS missing FROM (
             SELECT privilege || ' on ' || name AS what FROM (VALUES {listed}) AS tables (name)
             CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS privileges (privilege)
             WHERE NOT coalesce(has_table_privilege(to_regclass(name), privilege), false)
               AND NOT (name = 'audit' AND privilege = 'UPDATE')
         ) AS missing"
    );
    connection.fetch_one(query(AssertSqlSafe(missing))).await?.try_get("missing")
}
