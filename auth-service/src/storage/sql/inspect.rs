//! What `auth-service doctor` reads of a database. Nothing is made or migrated.

use super::{
    Sql,
    engine::{
        address,
        backend::Backend,
        faults::{Place, told},
        migrate,
        rows::{moment, unreadable, value},
    },
    tables::{self, Tables},
    unavailable,
};
use crate::domain::Unavailable;
use shared::clock::{Clock, Timestamp};
use sqlx::{any::AnyRow, query, sqlite::SqliteConnectOptions};
use std::{collections::BTreeMap, str::FromStr as _, sync::Arc, time::Duration};

/// Longer than a call of the service may take, because the doctor's first call also connects.
const PATIENCE: Duration = Duration::from_secs(3);

/// The state of a database.
#[derive(Debug, Clone)]
pub struct DatabaseState {
    /// `SQLite` or `PostgreSQL`.
    pub kind: &'static str,
    /// The newest version of its tables; `None`: it has no tables of auth-service.
    pub version: Option<i64>,
    /// The names of another application's tables that leave no room for auth-service's.
    pub foreign: Option<String>,
    /// The text encoding, by PostgreSQL's name.
    pub encoding: Option<String>,
    /// Whether searches have an index; `None`: SQLite, which has none.
    pub has_search_index: Option<bool>,
    /// The version that this program brings them to.
    pub known_version: i64,
    /// Its time.
    pub now: Timestamp,
    /// Which root secret it was set up with.
    pub secret_check: Option<String>,
    /// PostgreSQL's settings of durability, as the server has them by default.
    pub settings: BTreeMap<String, String>,
}

impl Sql {
    /// The database at a URL, for inspection only.
    ///
    /// # Errors
    /// If the URL cannot be read, or names an SQLite file that does not exist.
    pub fn as_it_is(url: &str, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        sqlx::any::install_default_drivers();
        let backend =
            Backend::of(url).ok_or_else(|| unavailable("the URL begins with neither sqlite: nor postgres:"))?;
        if backend == Backend::Sqlite {
            let options = SqliteConnectOptions::from_str(url).map_err(unavailable)?;
            let path = options.get_filename();
            if !path.is_file() {
                return Err(unavailable(format!("there is no file {}", path.display())));
            }
        }
        let options = address::options(url).map_err(unavailable)?;
        Ok(Self::on(backend, options, Place::of(url), clock, PATIENCE))
    }

    /// Reads the state.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn state(&self) -> Result<DatabaseState, Unavailable> {
        let (foreign, encoding) = self.contents().await?;
        let clock = self.reading.run_within(PATIENCE, || self.timed("SELECT :now AS now")).await?;
        let now = moment(clock.rows.first().ok_or_else(|| unreadable("now"))?, "now")?;
        let version = self.first("SELECT max(version) AS version FROM _sqlx_migrations", "version").await;
        let secret_check = self.first("SELECT value FROM facts WHERE name = 'secret_check'", "value").await;
        Ok(DatabaseState {
            kind: if self.backend == Backend::Sqlite { "SQLite" } else { "PostgreSQL" },
            version,
            foreign,
            encoding,
            has_search_index: self.search_index_state().await?,
            known_version: migrate::newest(self.backend),
            now,
            secret_check,
            settings: self.settings().await?,
        })
    }

    async fn contents(&self) -> Result<(Option<String>, Option<String>), Unavailable> {
        let mut connection = self.probing.connect().await?;
        let explain = |error: sqlx::Error| unavailable(told(&error));
        let foreign = match tables::found(self.backend, &mut connection).await.map_err(explain)? {
            Tables::Foreign(names) => Some(names),
            Tables::None | Tables::Shared | Tables::Ours { .. } => None,
        };
        let encoding = match self.backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(tables::encoding(&mut connection).await.map_err(explain)?),
        };
        Ok((foreign, encoding))
    }

    async fn search_index_state(&self) -> Result<Option<bool>, Unavailable> {
        match self.backend {
            Backend::Sqlite => Ok(None),
            Backend::Postgres => self.has_search_index().await.map(Some),
        }
    }

    /// `None` also when there is no such table.
    async fn first<T>(&self, statement: &'static str, column: &str) -> Option<T>
    where
        T: for<'row> sqlx::Decode<'row, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let answer = self.reading.run_within(PATIENCE, || query(statement)).await.ok()?;
        answer.rows.first().and_then(|row| value::<Option<T>>(row, column).ok().flatten())
    }

    async fn settings(&self) -> Result<BTreeMap<String, String>, Unavailable> {
        if self.backend == Backend::Sqlite {
            return Ok(BTreeMap::new());
        }
        let read = || {
            query(
                "SELECT CAST(name AS TEXT) AS name, CAST(reset_val AS TEXT) AS value FROM pg_settings
                 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')",
            )
        };
        let text = |row: &AnyRow, column| value::<&str>(row, column).map(str::to_owned);
        let answer = self.reading.run_within(PATIENCE, read).await?;
        answer.rows.iter().map(|row| Ok((text(row, "name")?, text(row, "value")?))).collect()
    }
}
