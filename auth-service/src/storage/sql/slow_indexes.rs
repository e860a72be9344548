//! PostgreSQL's indexes that take long to make: they are made in the background, since a migration would make everybody
//! wait. The user of the database may lack the right to make the one for searches.

use super::{
    Sql,
    engine::{backend::Backend, rows::value},
};
use crate::domain::Unavailable;
use sqlx::{AssertSqlSafe, query};
use std::time::Duration;

/// Maximum time to make an index.
const MAKING: Duration = Duration::from_secs(3600);

/// What an operator runs if the service may not.
pub const EXTENSION: &str = "CREATE EXTENSION pg_trgm";

impl Sql {
    /// Makes the missing ones. Registrations and logins continue meanwhile; of several replicas, one makes them.
    ///
    /// # Errors
    /// Also if rights are missing: searches then walk through all users.
    pub async fn make_slow_indexes(&self) -> Result<(), Unavailable> {
        if self.backend == Backend::Sqlite {
            return Ok(());
        }
        // Finds the thefts of one user among hundreds of thousands of logins.
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
        // Left over from an interrupted attempt.
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
