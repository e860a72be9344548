//! Removals of factors that are to come.

use super::{
    Sql,
    engine::rows::{moment, parsed},
    outbox,
};
use crate::domain::{Unavailable, admin::factors::PlannedResets, mail::SealedMail};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::UserId};
use sqlx::query;

#[async_trait]
impl PlannedResets for Sql {
    async fn plan(&self, sub: UserId, due_at: Timestamp, mails: &[SealedMail]) -> Result<(), Unavailable> {
        let statements = || {
            vec![
                query(
                    "INSERT INTO factor_resets (sub, due_at) VALUES ($1, $2)
                     ON CONFLICT (sub) DO UPDATE SET due_at =
                     CASE WHEN factor_resets.due_at < excluded.due_at THEN factor_resets.due_at ELSE excluded.due_at END",
                )
                .bind(sub.to_string())
                .bind(due_at.millis()),
            ]
        };
        self.durable.run_together(statements, || mails.iter().map(outbox::insert).collect()).await?;
        self.mail_arrivals.notify_one();
        Ok(())
    }

    async fn planned(&self, sub: UserId) -> Result<Option<Timestamp>, Unavailable> {
        let read = || query("SELECT due_at FROM factor_resets WHERE sub = $1").bind(sub.to_string());
        self.reading.run(read).await?.rows.first().map(|row| moment(row, "due_at")).transpose()
    }

    async fn due(&self, now: Timestamp, at_most: u32) -> Result<Vec<UserId>, Unavailable> {
        let read = || {
            query("SELECT sub FROM factor_resets WHERE due_at <= $1 ORDER BY due_at LIMIT $2")
                .bind(now.millis())
                .bind(i64::from(at_most))
        };
        self.reading.run(read).await?.rows.iter().map(|row| parsed(row, "sub")).collect()
    }

    async fn give_up(&self, sub: UserId) -> Result<bool, Unavailable> {
        let delete = || query("DELETE FROM factor_resets WHERE sub = $1").bind(sub.to_string());
        Ok(self.durable.run(delete).await?.written > 0)
    }
}
