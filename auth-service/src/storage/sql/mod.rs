//! Accounts, what has ended, signing keys, and (where there is no Redis) sessions and counters: in SQLite or
//! PostgreSQL, with the same statements.

mod accounts;
mod audit;
mod completed_logins;
mod counters;
mod endings;
mod endings_log;
mod engine;
mod factors;
mod inspect;
mod key_table;
mod outbox;
mod passkeys;
mod planned_resets;
mod probe;
mod proofs;
mod sealed_factors;
mod search;
mod sessions;
mod slow_indexes;
mod tables;
mod transfer;
mod trusted_devices;
mod users;

pub use engine::{
    address::{check, file_of},
    faults::CannotOpen,
    open::Opening,
};
pub use inspect::DatabaseState;
pub use slow_indexes::EXTENSION;
pub use users::RowsSeen;

use self::{
    engine::{
        backend::{Backend, Purpose},
        connections::Connections,
        faults::Place,
        lane::Lane,
    },
    probe::Probing,
};
use super::per_runtime::PerRuntime;
use crate::domain::Unavailable;
use shared::clock::Clock;
use sqlx::{
    AssertSqlSafe,
    any::{AnyArguments, AnyConnectOptions},
    query::Query,
};
use std::{num::NonZero, sync::Arc, thread::available_parallelism, time::Duration};
use tokio::sync::{Notify, Semaphore};

/// A statement with its values.
type Statement = Query<'static, sqlx::Any, AnyArguments>;

/// About how many statements run at once on PostgreSQL, from all actix workers together, and at least from each.
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
    /// For many users at once, as durable.
    bulk: Lane,
    /// For sessions and counters: a power failure may lose the last writes, which the session protocol allows for.
    relaxed: Lane,
    /// For searches by admins, which may take long and must not hold up anything else.
    searching: Lane,
    probing: Arc<Probing>,
    /// Notified when this process adds a mail to the outbox.
    mail_arrivals: Arc<Notify>,
}

impl Sql {
    /// With so much patience for each call.
    fn on(
        backend: Backend,
        options: AnyConnectOptions,
        place: Place,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        match backend {
            Backend::Sqlite => Self::on_sqlite(options, place, clock, patience),
            Backend::Postgres => Self::on_postgres(options, place, clock, patience),
        }
    }

    /// SQLite has one writer at a time: waiting for the turn here is fair, waiting for the file's lock is not.
    fn on_sqlite(options: AnyConnectOptions, place: Place, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        let one_writer = Arc::new(Semaphore::new(1));
        let (readers, one_search) = (Arc::new(Semaphore::new(READS_ON_SQLITE)), Arc::new(Semaphore::new(1)));
        let lane = |purpose, turns: &Arc<Semaphore>| {
            Lane::Common(Arc::new(Connections::new(&options, purpose, Arc::clone(turns), patience)))
        };
        Self {
            backend: Backend::Sqlite,
            clock,
            reading: lane(Purpose::SqliteRelaxed, &readers),
            durable: lane(Purpose::SqliteDurable, &one_writer),
            bulk: lane(Purpose::SqliteBulk, &one_writer),
            relaxed: lane(Purpose::SqliteRelaxed, &one_writer),
            searching: lane(Purpose::SqliteRelaxed, &one_search),
            probing: Arc::new(Probing::new(options.clone(), Purpose::SqliteDurable, one_writer, place)),
            mail_arrivals: Arc::default(),
        }
    }

    fn on_postgres(options: AnyConnectOptions, place: Place, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        let workers = available_parallelism().map_or(1, NonZero::get);
        let at_once = (ON_POSTGRES / workers).max(BY_ONE_WORKER);
        let lane = |at_once| {
            let options = options.clone();
            let of_runtime =
                move || Connections::new(&options, Purpose::Postgres, Arc::new(Semaphore::new(at_once)), patience);
            Lane::OfRuntime(Arc::new(PerRuntime::new(of_runtime)))
        };
        // A slow search leaves a place for another.
        let (lane, searching) = (lane(at_once), lane(BY_ONE_WORKER));
        let probing = Probing::new(options, Purpose::Postgres, Arc::new(Semaphore::new(1)), place);
        Self {
            backend: Backend::Postgres,
            clock,
            reading: lane.clone(),
            durable: lane.clone(),
            bulk: lane.clone(),
            relaxed: lane,
            searching,
            probing: Arc::new(probing),
            mail_arrivals: Arc::default(),
        }
    }

    /// A statement in which `:now` is the time on the clock that all replicas share; it takes up `$1`.
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
