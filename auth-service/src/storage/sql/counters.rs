//! Counters, if there is no Redis.

use super::{Sql, engine::rows::value};
use crate::domain::{
    Unavailable,
    throttling::counters::{Count, CounterKey, Counters},
};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use sqlx::any::AnyRow;
use std::time::Duration;

#[async_trait]
impl Counters for Sql {
    async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Count>, Unavailable> {
        try_join_all(keys.iter().map(|key| self.shown(key))).await
    }

    async fn add(&self, keys: &[CounterKey], window: Duration) -> Result<Vec<Count>, Unavailable> {
        try_join_all(keys.iter().map(|key| self.added(key, window))).await
    }

    async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            self.timed(
                "DELETE FROM counters WHERE name IN
                 (SELECT name FROM counters WHERE resets_at <= :now ORDER BY resets_at LIMIT $2)",
            )
            .bind(i64::from(at_most))
        };
        Ok(self.relaxed.run(delete).await?.written)
    }
}

impl Sql {
    async fn shown(&self, key: &CounterKey) -> Result<Count, Unavailable> {
        let read = || {
            self.timed("SELECT value, resets_at - :now AS resets_in FROM counters WHERE name = $2 AND resets_at > :now")
                .bind(key.0.clone())
        };
        let answer = self.reading.run(read).await?;
        answer.rows.first().map_or(Ok(Count { value: 0, resets_in: Duration::ZERO }), count)
    }

    async fn added(&self, key: &CounterKey, window: Duration) -> Result<Count, Unavailable> {
        let upsert = || {
            self.timed(
                "INSERT INTO counters (name, value, resets_at) VALUES ($2, 1, :now + $3)
                 ON CONFLICT (name) DO UPDATE SET
                 value = CASE WHEN counters.resets_at > :now THEN counters.value + 1 ELSE 1 END,
                 resets_at = CASE WHEN counters.resets_at > :now THEN counters.resets_at ELSE excluded.resets_at END
                 RETURNING value, resets_at - :now AS resets_in",
            )
            .bind(key.0.clone())
            .bind(i64::try_from(window.as_millis()).unwrap_or(i64::MAX))
        };
        let answer = self.relaxed.run(upsert).await?;
        answer.rows.first().map_or_else(|| Err(super::unavailable("an upsert returned nothing")), count)
    }
}

fn count(row: &AnyRow) -> Result<Count, Unavailable> {
    let value_of = |column| value::<i64>(row, column).map(|number| u64::try_from(number).unwrap_or(0));
    Ok(Count { value: value_of("value")?, resets_in: Duration::from_millis(value_of("resets_in")?) })
}
