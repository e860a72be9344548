//! The connections to the database, and how an outage ends calls and not the program.
//!
//! sqlx's own pool asks the server twice per use whether a connection lives, and waits for the second answer without
//! bound: a server that stands still would fill it with connections that are waited for. Here a call that fails or is
//! given up closes its connection, and with it all that are idle: nothing we ask is refused by a healthy database, so
//! that any error makes all of them suspect. The next call opens a fresh one.

use super::{Statement, backend::Purpose, unavailable};
use crate::{
    domain::Unavailable,
    metrics::{STORE_FAILURES, STORE_SECONDS},
};
use futures_util::TryStreamExt as _;
use sqlx::{
    AnyConnection, ConnectOptions as _, Connection as _, Either, Executor as _,
    any::{AnyConnectOptions, AnyRow},
    raw_sql,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    select,
    sync::{Notify, Semaphore, SemaphorePermit},
    time::{sleep, timeout},
};

/// A connection that was idle for so long is asked whether it lives, and given so long to answer.
const STALE: Duration = Duration::from_millis(500);
const PING: Duration = Duration::from_millis(250);

/// How many connections are opened at the same time. Opening one costs the server a process and a password's hash, and a
/// statement next to nothing: in a burst, most are better off with a connection that another one gives back.
const OPENING: usize = 2;

/// How soon SQLite is asked again while another process writes. Its own way of waiting backs off to 100 ms, and a busy
/// neighbour starves it.
pub(super) const BUSY: Duration = Duration::from_millis(2);

/// Connections of one kind.
pub(super) struct Connections {
    options: AnyConnectOptions,
    purpose: Purpose,
    /// How many statements may run at once.
    turns: Arc<Semaphore>,
    opening: Semaphore,
    /// The most recently used one is the last.
    idle: Mutex<Vec<Idle>>,
    given_back: Notify,
}

struct Idle {
    connection: AnyConnection,
    since: Instant,
}

/// What a statement came to.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<AnyRow>,
    /// How many rows it wrote.
    pub(super) written: u64,
}

impl Connections {
    /// Connections with as many statements at once as there are `turns`. Opens none yet.
    pub(super) fn new(options: &AnyConnectOptions, purpose: Purpose, turns: Arc<Semaphore>) -> Self {
        let options = options.clone().disable_statement_logging();
        let (opening, given_back) = (Semaphore::new(OPENING), Notify::new());
        Self { options, purpose, turns, opening, idle: Mutex::default(), given_back }
    }

    /// Runs a statement to its end.
    pub(super) async fn run(
        &self,
        patience: Duration,
        statement: impl Fn() -> Statement,
    ) -> Result<Answer, Unavailable> {
        self.within(patience, async {
            let (_turn, mut connection) = self.take().await?;
            let answer = loop {
                match answer(&mut connection, statement()).await {
                    Err(error) if is_busy(&error) => sleep(BUSY).await,
                    answer => break answer?,
                }
            };
            self.give_back(connection);
            Ok(answer)
        })
        .await
    }

    /// Runs statements in one transaction.
    pub(super) async fn run_together(
        &self,
        patience: Duration,
        statements: impl Fn() -> Vec<Statement>,
    ) -> Result<(), Unavailable> {
        self.within(patience, async {
            let (_turn, mut connection) = self.take().await?;
            loop {
                match together(&mut connection, self.purpose.begin(), statements()).await {
                    Err(error) if is_busy(&error) => sleep(BUSY).await,
                    outcome => break outcome?,
                }
            }
            self.give_back(connection);
            Ok(())
        })
        .await
    }

    async fn within<T>(
        &self,
        patience: Duration,
        attempt: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, Unavailable> {
        let asked = Instant::now();
        let outcome = match timeout(patience, attempt).await {
            Ok(outcome) => outcome.map_err(unavailable),
            Err(_) => Err(unavailable("no answer in time")),
        };
        STORE_SECONDS.add("sql", asked.elapsed());
        if outcome.is_err() {
            STORE_FAILURES.add("sql");
            self.idle().clear();
        }
        outcome
    }

    /// The connection is out of reach of others until it is given back; given up on the way, it is closed.
    async fn take(&self) -> sqlx::Result<(SemaphorePermit<'_>, AnyConnection)> {
        let turn = self.turns.acquire().await.expect("the turns are never closed");
        Ok((turn, self.connection().await?))
    }

    fn give_back(&self, connection: AnyConnection) {
        self.idle().push(Idle { connection, since: Instant::now() });
        self.given_back.notify_one();
    }

    /// One that is idle or is given back, or a new one: whichever is to be had first.
    async fn connection(&self) -> sqlx::Result<AnyConnection> {
        loop {
            if let Some(connection) = self.idle_connection().await {
                return Ok(connection);
            }
            select! {
                biased;
                () = self.given_back.notified() => {}
                opening = self.opening.acquire() => {
                    let _opening = opening.expect("it is never closed");
                    return open(&self.options, self.purpose).await;
                }
            }
        }
    }

    async fn idle_connection(&self) -> Option<AnyConnection> {
        let Idle { mut connection, since } = self.idle().pop()?;
        if since.elapsed() < STALE || matches!(timeout(PING, connection.ping()).await, Ok(Ok(()))) {
            return Some(connection);
        }
        self.idle().clear();
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new connection that is ready for use. SQLite is busy for a moment also when another process closes its last one.
pub(super) async fn open(options: &AnyConnectOptions, purpose: Purpose) -> sqlx::Result<AnyConnection> {
    loop {
        match open_at_once(options, purpose).await {
            Err(error) if is_busy(&error) => sleep(BUSY).await,
            outcome => return outcome,
        }
    }
}

async fn open_at_once(options: &AnyConnectOptions, purpose: Purpose) -> sqlx::Result<AnyConnection> {
    let mut connection = options.connect().await?;
    raw_sql(purpose.setup()).execute(&mut connection).await?;
    Ok(connection)
}

async fn together(connection: &mut AnyConnection, begin: &'static str, statements: Vec<Statement>) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with(begin).await?;
    for statement in statements {
        answer(&mut transaction, statement).await?;
    }
    transaction.commit().await
}

async fn answer(connection: &mut AnyConnection, statement: Statement) -> sqlx::Result<Answer> {
    let mut answer = Answer::default();
    let mut parts = connection.fetch_many(statement);
    while let Some(part) = parts.try_next().await? {
        match part {
            Either::Left(result) => answer.written += result.rows_affected(),
            Either::Right(row) => answer.rows.push(row),
        }
    }
    Ok(answer)
}

/// Another process writes to the SQLite file; nothing was done.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: [&str; 4] = ["5", "261", "517", "773"];
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| SQLITE_BUSY.contains(&code.as_ref()))
}
