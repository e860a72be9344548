//! Opens a database, and makes or updates it if the caller may.

use super::{
    address,
    backend::{Backend, Purpose},
    faults::{CannotOpen, POOLER, Place},
    migrate,
    pool::{self, BUSY, is_busy},
    sqlite_file,
};
use crate::storage::{
    self,
    sql::{
        Sql,
        tables::{self, Tables},
    },
};
use shared::clock::Clock;
use sqlx::{AnyConnection, Connection as _, Executor as _, any::AnyConnectOptions, query};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// How long an answer may take, including the time in which another process migrates the database.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a command waits for each answer. Nobody else waits for it, and on a busy machine a new connection takes a while.
const OF_A_COMMAND: Duration = Duration::from_secs(10);

/// What may be done to a database so that it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is made if there is none, and its tables are brought up to date: the service, and `init`.
    Make,
    /// It must be there, and its tables are brought up to date: commands that change something.
    Update,
    /// It must be there and up to date, and is left as it is: commands that only look.
    Look,
}

impl Sql {
    /// Opens the database at `sqlite://…` or `postgres://…`, for the service: see [`Opening::Make`].
    ///
    /// # Errors
    /// As [`Sql::open`].
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, CannotOpen> {
        Self::opened(url, Opening::Make, clock, storage::PATIENCE).await
    }

    /// Opens, for a command, the database at `sqlite://…` or `postgres://…`; any number of processes may do so at once. Times come from
    /// `clock` on SQLite, which only processes of one machine can share, and from the server on PostgreSQL.
    ///
    /// # Errors
    /// The reason, with the place, and whether waiting may cure it.
    pub async fn open(url: &str, opening: Opening, clock: Arc<dyn Clock>) -> Result<Self, CannotOpen> {
        Self::opened(url, opening, clock, OF_A_COMMAND).await
    }

    async fn opened(
        url: &str,
        opening: Opening,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Result<Self, CannotOpen> {
        sqlx::any::install_default_drivers();
        let backend = Backend::of(url)
            .ok_or_else(|| CannotOpen::Never("the URL begins with neither sqlite: nor postgres:".to_owned()))?;
        let place = Place::of(url);
        let options = address::options(url).map_err(|error| place.refusal(&error))?;
        if backend == Backend::Sqlite {
            the_file(url, opening, &place)?;
        }
        let prepared = timeout(PATIENCE, prepare(backend, &options, opening, &place));
        prepared.await.unwrap_or_else(|_| Err(CannotOpen::NotYet(place.says(late(backend)))))?;
        Ok(Self::on(backend, options, place, clock, patience))
    }
}

fn late(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "no answer in time: another process holds the file (`fuser` finds it)",
        Backend::Postgres => "no answer in time",
    }
}

fn the_file(url: &str, opening: Opening, place: &Place) -> Result<(), CannotOpen> {
    match opening {
        Opening::Make => sqlite_file::create(url).map_err(|reason| CannotOpen::Never(place.says(reason))),
        Opening::Update | Opening::Look if sqlite_file::is_there(url) => Ok(()),
        Opening::Update | Opening::Look => Err(no_installation(&place.says("there is no such file"))),
    }
}

fn no_installation(what: &str) -> CannotOpen {
    CannotOpen::Never(format!(
        "{what}: there is no installation here. Give the settings of the service (AUTH_DATABASE_URL; a relative path counts from the current directory), or make one: start the service, or `auth-service init`"
    ))
}

async fn prepare(
    backend: Backend,
    options: &AnyConnectOptions,
    opening: Opening,
    place: &Place,
) -> Result<(), CannotOpen> {
    let explain = |error: sqlx::Error| place.refusal(&error);
    let (mut connection, found) = inspected(backend, options).await.map_err(explain)?;
    if backend == Backend::Postgres {
        speaks_utf8(&mut connection, place).await?;
    }
    let is_outdated = is_outdated(backend, &found, opening, place)?;
    if backend == Backend::Postgres && opening == Opening::Make {
        keeps_prepared_statements(options, &mut connection).await.map_err(explain)?;
    }
    connection.close().await.map_err(explain)?;
    if is_outdated {
        migrate::run(backend, options).await.map_err(|error| place.migration_refusal(&error))?;
    }
    Ok(())
}

/// A connection, and the tables that it finds. SQLite is busy for a moment while another process sets the file up.
async fn inspected(backend: Backend, options: &AnyConnectOptions) -> sqlx::Result<(AnyConnection, Tables)> {
    loop {
        let mut connection = pool::open(options, Purpose::first(backend)).await?;
        match tables::found(backend, &mut connection).await {
            Err(error) if is_busy(&error) => sleep(BUSY).await,
            found => return Ok((connection, found?)),
        }
    }
}

/// Whether the tables must be brought up to date; an error if the database must not be used.
fn is_outdated(backend: Backend, found: &Tables, opening: Opening, place: &Place) -> Result<bool, CannotOpen> {
    let never = |reason: String| Err(CannotOpen::Never(place.says(reason)));
    match (found, opening) {
        // SQLite's file is set up at every start.
        (Tables::Ours { is_current: true }, Opening::Make) => Ok(backend == Backend::Sqlite),
        (Tables::Ours { is_current: true }, _) => Ok(false),
        (Tables::Ours { is_current: false }, Opening::Look) => never(
            "its tables are of an earlier version: start this version of the service first, or `auth-service init`, which brings them up to date".to_owned(),
        ),
        (Tables::Ours { is_current: false }, Opening::Update | Opening::Make) => {
            tracing::info!("updating the tables of an earlier version");
            Ok(true)
        }
        (Tables::None | Tables::Shared, Opening::Make) => Ok(true),
        (Tables::None, _) => Err(no_installation(&place.says("the database is empty"))),
        (Tables::Shared | Tables::Foreign(_), Opening::Update | Opening::Look) => {
            Err(no_installation(&place.says("the database holds tables of another application, and none of auth-service's")))
        }
        (Tables::Foreign(names), Opening::Make) => never(format!(
            "it holds tables of another application ({names}): give auth-service a database of its own"
        )),
    }
}

/// Refuses other encodings, in which some names and addresses would fail, one request after the other.
async fn speaks_utf8(connection: &mut AnyConnection, place: &Place) -> Result<(), CannotOpen> {
    let encoding = tables::encoding(connection).await.map_err(|error| place.refusal(&error))?;
    if encoding == "UTF8" {
        return Ok(());
    }
    let database = place.database();
    Err(CannotOpen::Never(place.says(format!(
        "the database {database} has the encoding {encoding}, which cannot hold every name: make one with `createdb --encoding=UTF8 --template=template0 …` and use that (pg_dump and pg_restore move the data)"
    ))))
}

/// Prepares statements of the same names in two sessions. This fails behind a pooler in transaction mode, where they
/// may be one session.
async fn keeps_prepared_statements(options: &AnyConnectOptions, first: &mut AnyConnection) -> sqlx::Result<()> {
    let mut second = pool::open(options, Purpose::Postgres).await?;
    for connection in [&mut second, first] {
        for _ in 0..2 {
            connection.fetch_optional(query("SELECT CAST($1 AS TEXT)").bind(POOLER)).await?;
        }
    }
    second.close().await
}
