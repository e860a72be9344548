//! Accounts, what has ended, signing keys, and (where there is no Redis) sessions and counters: in SQLite or PostgreSQL,
//! with the same statements.

mod accounts;
mod backend;
mod connections;
mod counters;
mod key_table;
mod migrate;
mod rows;
mod sessions;
mod sqlite_file;

use self::{
    backend::{Backend, Purpose},
    connections::Connections,
};
use crate::domain::Unavailable;
use shared::clock::Clock;
use sqlx::{
    AssertSqlSafe,
    any::{AnyArguments, AnyConnectOptions},
    query::Query,
};
use std::{str::FromStr as _, sync::Arc};
use tokio::sync::Semaphore;

/// A statement with its values.
type Statement = Query<'static, sqlx::Any, AnyArguments>;

/// How many statements run at once on PostgreSQL, and how many reads on SQLite.
const ON_POSTGRES: usize = 12;
const READS_ON_SQLITE: usize = 3;

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Sql {
    backend: Backend,
    clock: Arc<dyn Clock>,
    /// For statements that write nothing.
    reading: Arc<Connections>,
    /// For what must survive a power failure.
    durable: Arc<Connections>,
    /// For sessions and counters, of which a power failure may cost the last ones: the session protocol allows for it.
    relaxed: Arc<Connections>,
}

impl Sql {
    /// Opens the database at `sqlite://…` (made, with its directory, if there is none) or `postgres://…` and brings its
    /// tables up to date; any number of processes may do so at once. Times come from `clock` on SQLite, which only
    /// processes of one machine can share, and from the server on PostgreSQL.
    ///
    /// # Errors
    /// When the URL is none of these, the database cannot be reached, or its tables are a later version's.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        sqlx::any::install_default_drivers();
        let backend =
            Backend::of(url).ok_or_else(|| unavailable("the URL begins with neither sqlite: nor postgres:"))?;
        let options = AnyConnectOptions::from_str(url).map_err(unavailable)?;
        if backend == Backend::Sqlite {
            sqlite_file::create(url).map_err(unavailable)?;
        }
        migrate::run(backend, &options).await.map_err(unavailable)?;
        Ok(match backend {
            Backend::Sqlite => Self::on_sqlite(&options, clock),
            Backend::Postgres => Self::on_postgres(&options, clock),
        })
    }

    /// SQLite has one writer at a time: waiting for the turn here is fair, waiting for the file's lock is not.
    fn on_sqlite(options: &AnyConnectOptions, clock: Arc<dyn Clock>) -> Self {
        let one_writer = Arc::new(Semaphore::new(1));
        let readers = Arc::new(Semaphore::new(READS_ON_SQLITE));
        Self {
            backend: Backend::Sqlite,
            clock,
            reading: Connections::new(options, Purpose::SqliteRelaxed, readers),
            durable: Connections::new(options, Purpose::SqliteDurable, one_writer.clone()),
            relaxed: Connections::new(options, Purpose::SqliteRelaxed, one_writer),
        }
    }

    fn on_postgres(options: &AnyConnectOptions, clock: Arc<dyn Clock>) -> Self {
        let all = Connections::new(options, Purpose::Postgres, Arc::new(Semaphore::new(ON_POSTGRES)));
        Self { backend: Backend::Postgres, clock, reading: all.clone(), durable: all.clone(), relaxed: all }
    }

    /// A statement in which `:now` is the time on the clock that all replicas share; `$1` is taken by it.
    fn timed(&self, template: &str) -> Statement {
        let now = match self.backend {
            Backend::Sqlite => Some(self.clock.now().millis()),
            Backend::Postgres => None,
        };
        sqlx::query(AssertSqlSafe(template.replace(":now", self.backend.now()))).bind(now)
    }
}

/// The cause is the database's message, which names tables and columns and never values.
fn unavailable(cause: impl ToString) -> Unavailable {
    Unavailable { store: "the database", cause: cause.to_string() }
}
