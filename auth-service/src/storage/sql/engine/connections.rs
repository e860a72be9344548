//! How statements run, and how an outage fails calls but not the program.
//!
//! sqlx's own pool asks the server twice per use whether a connection lives, and waits for the second answer without
//! bound: a server that hangs would fill it with connections that never become free. Here a call that fails or is given
//! up closes its connection and all idle ones: a healthy database refuses none of our statements, so any error makes
//! all connections suspect. The next call opens a new one.

use super::{
    backend::Purpose,
    faults::{is_refused_data, told},
    pool::{BUSY, Pool, is_busy},
};
use crate::{
    domain::{Unavailable, accounts::SearchError},
    metrics::{STORE_FAILURES, STORE_SECONDS},
    storage::sql::{Statement, unavailable},
};
use futures_util::TryStreamExt as _;
use sqlx::{
    AnyConnection, ConnectOptions as _, Connection as _, Either, Executor as _,
    any::{AnyConnectOptions, AnyRow},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{sleep, timeout},
};

/// How long before the end of a call waiting for a connection fails: the statement needs some time as well.
const LEFT_FOR_THE_STATEMENT: Duration = Duration::from_millis(200);

/// Connections of one kind.
pub(in crate::storage) struct Connections {
    pool: Arc<Pool>,
    /// How many statements may run at once.
    turns: Arc<Semaphore>,
    /// How long a call may take, waiting for a connection included, unless it says otherwise.
    patience: Duration,
}

/// The result of a statement.
#[derive(Default)]
pub(in crate::storage) struct Answer {
    pub(in crate::storage) rows: Vec<AnyRow>,
    /// How many rows it wrote.
    pub(in crate::storage) written: u64,
}

impl Answer {
    /// Whether the statement, one that writes, found anything to write.
    fn has_changed_anything(&self) -> bool {
        self.written > 0 || !self.rows.is_empty()
    }
}

impl Connections {
    /// Connections with as many statements at once as there are `turns`. Opens none yet.
    pub(in crate::storage) fn new(
        options: &AnyConnectOptions,
        purpose: Purpose,
        turns: Arc<Semaphore>,
        patience: Duration,
    ) -> Self {
        let options = options.clone().disable_statement_logging();
        Self { pool: Pool::new(options, purpose, patience), turns, patience }
    }

    /// How long a call may take.
    pub(in crate::storage) fn patience(&self) -> Duration {
        self.patience
    }

    /// Runs a statement to its end.
    pub(in crate::storage) async fn run(
        &self,
        patience: Duration,
        statement: impl Fn() -> Statement,
    ) -> Result<Answer, Unavailable> {
        self.within(patience, async {
            let (_turn, mut connection) = self.take(patience).await?;
            let answer = loop {
                match answer(&mut connection, statement()).await {
                    Err(error) if is_busy(&error) => sleep(BUSY).await,
                    answer => break answer?,
                }
            };
            self.pool.give_back(connection);
            Ok(answer)
        })
        .await
        .map_err(Into::into)
    }

    /// Runs statements in one transaction; `then` others follow if the last one changes anything. Returns the answer of
    /// that one.
    pub(in crate::storage) async fn run_together(
        &self,
        patience: Duration,
        statements: impl Fn() -> Vec<Statement>,
        then: impl Fn() -> Vec<Statement>,
    ) -> Result<Answer, Unavailable> {
        self.within(patience, self.transact(patience, statements, then)).await.map_err(Into::into)
    }

    /// Runs statements in one transaction, for a search that may take too long, which is not an outage.
    pub(in crate::storage) async fn search(
        &self,
        patience: Duration,
        statements: impl Fn() -> Vec<Statement>,
    ) -> Result<Answer, SearchError> {
        match self.within(patience, self.transact(patience, statements, Vec::new)).await {
            Err(failure) if failure.is_slowness() => Err(SearchError::TooSlow),
            outcome => outcome.map_err(|failure| SearchError::Unavailable(failure.into())),
        }
    }

    async fn transact(
        &self,
        patience: Duration,
        statements: impl Fn() -> Vec<Statement>,
        then: impl Fn() -> Vec<Statement>,
    ) -> sqlx::Result<Answer> {
        let (_turn, mut connection) = self.take(patience).await?;
        let answer = loop {
            match together(&mut connection, self.pool.purpose().begin(), statements(), then()).await {
                Err(error) if is_busy(&error) => sleep(BUSY).await,
                outcome => break outcome?,
            }
        };
        self.pool.give_back(connection);
        Ok(answer)
    }

    async fn within<T>(
        &self,
        patience: Duration,
        attempt: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, Failure> {
        let asked = Instant::now();
        let outcome = match timeout(patience, attempt).await {
            Ok(outcome) => outcome.map_err(Failure::Told),
            Err(_) => Err(Failure::Late),
        };
        STORE_SECONDS.add("sql", asked.elapsed());
        if outcome.as_ref().is_err_and(Failure::is_outage) {
            STORE_FAILURES.add("sql");
            self.pool.close_idle();
        }
        outcome
    }

    async fn take(&self, patience: Duration) -> sqlx::Result<(SemaphorePermit<'_>, AnyConnection)> {
        let taken = async {
            let turn = self.turns.acquire().await.expect("the turns are never closed");
            Ok((turn, self.pool.take().await?))
        };
        timeout(patience.saturating_sub(LEFT_FOR_THE_STATEMENT), taken)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut))
    }
}

/// Why there is no answer.
enum Failure {
    Late,
    Told(sqlx::Error),
}

impl Failure {
    /// Whether the statement took too long; PostgreSQL may have cancelled it.
    fn is_slowness(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Told(error) => {
                error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "57014")
            }
        }
    }

    /// Whether all connections are suspect.
    fn is_outage(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Told(error) => !self.is_slowness() && !is_refused_data(error),
        }
    }
}

impl From<Failure> for Unavailable {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Late => unavailable("no answer in time"),
            Failure::Told(error) => unavailable(told(&error)),
        }
    }
}

async fn together(
    connection: &mut AnyConnection,
    begin: &'static str,
    statements: Vec<Statement>,
    then: Vec<Statement>,
) -> sqlx::Result<Answer> {
    let mut transaction = connection.begin_with(begin).await?;
    let mut last = Answer::default();
    for statement in statements {
        last = answer(&mut transaction, statement).await?;
    }
    if last.has_changed_anything() {
        for statement in then {
            answer(&mut transaction, statement).await?;
        }
    }
    transaction.commit().await?;
    Ok(last)
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
