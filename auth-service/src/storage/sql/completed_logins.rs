//! Logins whose second step was made.

use super::Sql;
use crate::domain::{Unavailable, sign_in::second_factor::Completed};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::TokenId};
use sqlx::query;

#[async_trait]
impl Completed for Sql {
    async fn is_complete(&self, login: TokenId) -> Result<bool, Unavailable> {
        let read = || query("SELECT 1 AS one FROM spent_challenges WHERE id = $1").bind(format!("login {login}"));
        Ok(!self.reading.run(read).await?.rows.is_empty())
    }

    async fn complete(&self, login: TokenId, until: Timestamp) -> Result<bool, Unavailable> {
        // Kept among the challenges that were answered, and forgotten with them.
        let attempt = TokenId::fresh();
        let insert = || {
            query("INSERT INTO spent_challenges (id, spent_by, expires_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
                .bind(format!("login {login}"))
                .bind(attempt.to_string())
                .bind(until.millis())
        };
        Ok(self.durable.run(insert).await?.written > 0)
    }
}
