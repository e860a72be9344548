//! PostgreSQL's indexes that take long to make: beside everything else, as a migration would have everybody wait meanwhile. The
//! one for searches may not be within our rights.

use super::{
    Sql,
    engine::{backend::Backend, rows::value},
};
use crate::domain::Unavailable;
use sqlx::{AssertSqlSafe, query};
use std::time::Duration;

/// How long making it may take.
const MAKING: Duration = Duration::from_secs(3600);

/// What an operator does where we may not.
pub const EXTENSION: &str = "CREATE EXTENSION pg_trgm";

impl Sql {
    /// Makes those that are not there. Registrations and logins go on meanwhile; of several replicas, one makes them.
    ///
    /// # Errors
    /// Also when rights are missing: searches then walk through all users.
    pub async fn make_slow_indexes(&self) -> Result<(), Unavailable> {
        if self.backend == Backend::Sqlite {
            return Ok(());
        }
        // The thefts of one user, among hundreds of thousands of logins.
        self.make_index("audit_by_sub_and_action", "audit", "(sub, action, id)").await?;
        if !self.has_extension().await? {
            self.make("CREATE EXTENSION IF NOT EXISTS pg_trgm").await?;
        }
        self.make_index("users_by_search", "users", "USING gin (search gin_trgm_ops)").await
    }

    async fn make_index(&self, name: &str, table: &str, what: &str) -> Result<(), Unavailable> {
        if self.has_index(name).await? || self.is_being_made(table).await? {
            return Ok(());
        }
        // What an attempt that was cut off has left.
        self.make(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await?;
        self.make(&format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {what}")).await
    }

    async fn make(&self, statement: &str) -> Result<(), Unavailable> {
        self.searching.run_within(MAKING, || query(AssertSqlSafe(statement.to_owned()))).await.map(drop)
    }

    /// Whether PostgreSQL has the index for searches, and has finished it.
    pub(super) async fn has_search_index(&self) -> Result<bool, Unavailable> {
        self.has_index("users_by_search").await
    }

    async fn has_index(&self, name: &str) -> Result<bool, Unavailable> {
        let index = format!("pg_index WHERE indexrelid = to_regclass('{name}') AND indisvalid");
        self.is_there(&index).await
    }

    async fn has_extension(&self) -> Result<bool, Unavailable> {
        self.is_there("pg_extension WHERE extname = 'pg_trgm'").await
    }

    async fn is_being_made(&self, table: &str) -> Result<bool, Unavailable> {
        self.is_there(&format!("pg_stat_progress_create_index WHERE relid = to_regclass('{table}')")).await
    }

    async fn is_there(&self, what: &str) -> Result<bool, Unavailable> {
        let read = || query(AssertSqlSafe(format!("SELECT 1 AS one FROM {what}")));
        let answer = self.reading.run(read).await?;
        answer.rows.first().map_or(Ok(false), |row| value::<i32>(row, "one").map(|_| true))
    }
}
