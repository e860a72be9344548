//! PostgreSQL's index for searches: made beside everything else, as making it takes minutes with millions of users, and may
//! not be within our rights.

use super::{Sql, backend::Backend, rows::value};
use crate::domain::Unavailable;
use sqlx::query;
use std::time::Duration;

/// How long making it may take.
const MAKING: Duration = Duration::from_secs(3600);

/// What an operator does where we may not.
pub const EXTENSION: &str = "CREATE EXTENSION pg_trgm";

impl Sql {
    /// Makes the index unless it is there. Registrations and logins go on meanwhile; of several replicas, one makes it.
    ///
    /// # Errors
    /// Also when rights are missing: searches then walk through all users.
    pub async fn make_search_index(&self) -> Result<(), Unavailable> {
        if self.backend == Backend::Sqlite || self.has_search_index().await? {
            return Ok(());
        }
        let make = |statement: &'static str| self.searching.run_within(MAKING, move || query(statement));
        if !self.has_extension().await? {
            make("CREATE EXTENSION IF NOT EXISTS pg_trgm").await?;
        }
        if self.is_being_made().await? {
            return Ok(());
        }
        // What an attempt that was cut off has left.
        make("DROP INDEX CONCURRENTLY IF EXISTS users_by_search").await?;
        make("CREATE INDEX CONCURRENTLY IF NOT EXISTS users_by_search ON users USING gin (search gin_trgm_ops)")
            .await
            .map(drop)
    }

    /// Whether PostgreSQL has the index, and has finished it.
    pub(super) async fn has_search_index(&self) -> Result<bool, Unavailable> {
        self.is_there("SELECT 1 AS one FROM pg_index WHERE indexrelid = to_regclass('users_by_search') AND indisvalid")
            .await
    }

    async fn has_extension(&self) -> Result<bool, Unavailable> {
        self.is_there("SELECT 1 AS one FROM pg_extension WHERE extname = 'pg_trgm'").await
    }

    async fn is_being_made(&self) -> Result<bool, Unavailable> {
        self.is_there("SELECT 1 AS one FROM pg_stat_progress_create_index WHERE relid = to_regclass('users')").await
    }

    async fn is_there(&self, statement: &'static str) -> Result<bool, Unavailable> {
        let answer = self.reading.run(|| query(statement)).await?;
        answer.rows.first().map_or(Ok(false), |row| value::<i32>(row, "one").map(|_| true))
    }
}
