//! Accounts, what has ended, signing keys, and (where there is no Redis) sessions and counters: in SQLite or PostgreSQL,
//! with the same statements.

mod accounts;
mod audit;
mod backend;
mod connections;
mod counters;
mod key_table;
mod lane;
mod migrate;
mod pool;
mod rows;
mod sessions;
mod sqlite_file;
mod state;

pub use state::DatabaseState;

use self::{
    backend::{Backend, Purpose},
    connections::Connections,
    lane::Lane,
};
use super::per_runtime::PerRuntime;
use crate::domain::Unavailable;
use shared::clock::Clock;
use sqlx::{
    AssertSqlSafe,
    any::{AnyArguments, AnyConnectOptions},
    query::Query,
};
use std::{num::NonZero, str::FromStr as _, sync::Arc, thread::available_parallelism};
use tokio::sync::Semaphore;

/// A statement with its values.
type Statement = Query<'static, sqlx::Any, AnyArguments>;

/// About how many statements run at once on PostgreSQL, by all actix workers together, and by one at least.
const ON_POSTGRES: usize = 16;
const BY_ONE_WORKER: usize = 2;

/// How many reads run at once on SQLite.
const READS_ON_SQLITE: usize = 3;

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Sql {
    backend: Backend,
    clock: Arc<dyn Clock>,
    /// For statements that write nothing.
    reading: Lane,
    /// For what must survive a power failure.
    durable: Lane,
    /// For sessions and counters, of which a power failure may cost the last ones: the session protocol allows for it.
    relaxed: Lane,
}

impl Sql {
    /// Opens the database at `sqlite://…` (made, with its directory, if there is none) or `postgres://…` and brings its
    /// tables up to date; any number of processes may do so at once. Times come from `clock` on SQLite, which only
    /// processes of one machine can share, and from the server on PostgreSQL.
    ///
    /// # Errors
    /// When the URL is none of these, or the database cannot be reached.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        sqlx::any::install_default_drivers();
        let backend =
            Backend::of(url).ok_or_else(|| unavailable("the URL begins with neither sqlite: nor postgres:"))?;
        let options = AnyConnectOptions::from_str(url).map_err(unavailable)?;
        if backend == Backend::Sqlite {
            sqlite_file::create(url).map_err(unavailable)?;
        }
        migrate::run(backend, &options).await.map_err(unavailable)?;
        Ok(Self::on(backend, options, clock))
    }

    fn on(backend: Backend, options: AnyConnectOptions, clock: Arc<dyn Clock>) -> Self {
        match backend {
            Backend::Sqlite => Self::on_sqlite(&options, clock),
            Backend::Postgres => Self::on_postgres(options, clock),
        }
    }

    /// SQLite has one writer at a time: waiting for the turn here is fair, waiting for the file's lock is not.
    fn on_sqlite(options: &AnyConnectOptions, clock: Arc<dyn Clock>) -> Self {
        let one_writer = Arc::new(Semaphore::new(1));
        let readers = Arc::new(Semaphore::new(READS_ON_SQLITE));
        let lane = |purpose, turns: &Arc<Semaphore>| {
            Lane::Common(Arc::new(Connections::new(options, purpose, Arc::clone(turns))))
        };
        Self {
            backend: Backend::Sqlite,
            clock,
            reading: lane(Purpose::SqliteRelaxed, &readers),
            durable: lane(Purpose::SqliteDurable, &one_writer),
            relaxed: lane(Purpose::SqliteRelaxed, &one_writer),
        }
    }

    fn on_postgres(options: AnyConnectOptions, clock: Arc<dyn Clock>) -> Self {
        let workers = available_parallelism().map_or(1, NonZero::get);
        let at_once = (ON_POSTGRES / workers).max(BY_ONE_WORKER);
        let of_runtime = move || Connections::new(&options, Purpose::Postgres, Arc::new(Semaphore::new(at_once)));
        let lane = Lane::OfRuntime(Arc::new(PerRuntime::new(of_runtime)));
        Self { backend: Backend::Postgres, clock, reading: lane.clone(), durable: lane.clone(), relaxed: lane }
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
