//! Second factors that another root secret than the current one has sealed. What is sealed begins with the secret's id.

use super::{
    Sql,
    engine::rows::{parsed, unreadable, value},
};
use crate::domain::{
    Unavailable,
    factors::{SealedFactors, StoredCode},
};
use async_trait::async_trait;
use shared::ids::UserId;
use sqlx::{any::AnyRow, query};

#[async_trait]
impl SealedFactors for Sql {
    async fn sealed_by_others(&self, secret_id: &str) -> Result<u64, Unavailable> {
        let read = || {
            query(
                "SELECT (SELECT count(*) FROM totp WHERE substr(secret, 1, 8) <> $1)
                 + (SELECT count(*) FROM recovery_codes WHERE used_at IS NULL AND substr(sealed, 1, 8) <> $1) AS rows",
            )
            .bind(secret_id.as_bytes().to_vec())
        };
        let answer = self.reading.run(read).await?;
        let row = answer.rows.first().ok_or_else(|| unreadable("rows"))?;
        u64::try_from(value::<i64>(row, "rows")?).map_err(|_| unreadable("rows"))
    }

    async fn totp_sealed_by_others(
        &self,
        secret_id: &str,
        after: Option<UserId>,
        at_most: u32,
    ) -> Result<Vec<(UserId, Vec<u8>)>, Unavailable> {
        let read = || {
            query("SELECT sub, secret FROM totp WHERE sub > $2 AND substr(secret, 1, 8) <> $1 ORDER BY sub LIMIT $3")
                .bind(secret_id.as_bytes().to_vec())
                .bind(after.map(|sub| sub.to_string()).unwrap_or_default())
                .bind(i64::from(at_most))
        };
        let answer = self.reading.run(read).await?;
        answer.rows.iter().map(|row| Ok((parsed(row, "sub")?, value(row, "secret")?))).collect()
    }

    async fn reseal_totp(&self, sub: UserId, old: &[u8], new: &[u8]) -> Result<(), Unavailable> {
        let update = || {
            query("UPDATE totp SET secret = $3 WHERE sub = $1 AND secret = $2")
                .bind(sub.to_string())
                .bind(old.to_vec())
                .bind(new.to_vec())
        };
        self.durable.run(update).await.map(drop)
    }

    async fn codes_sealed_by_others(
        &self,
        secret_id: &str,
        after: Option<&(UserId, StoredCode)>,
        at_most: u32,
    ) -> Result<Vec<(UserId, StoredCode)>, Unavailable> {
        let (sub, mac) = after.map(|(sub, code)| (sub.to_string(), code.mac.clone())).unwrap_or_default();
        let read = || {
            query(
                "SELECT sub, mac, sealed FROM recovery_codes
                 WHERE (sub, mac) > ($2, $3) AND used_at IS NULL AND substr(sealed, 1, 8) <> $1
                 ORDER BY sub, mac LIMIT $4",
            )
            .bind(secret_id.as_bytes().to_vec())
            .bind(sub.clone())
            .bind(mac.clone())
            .bind(i64::from(at_most))
        };
        self.reading.run(read).await?.rows.iter().map(code).collect()
    }

    async fn reseal_code(&self, sub: UserId, old: &StoredCode, new: &StoredCode) -> Result<(), Unavailable> {
        let update = || {
            query(
                "UPDATE recovery_codes SET mac = $3, sealed = $4
                 WHERE sub = $1 AND mac = $2 AND sealed = $5 AND used_at IS NULL",
            )
            .bind(sub.to_string())
            .bind(old.mac.clone())
            .bind(new.mac.clone())
            .bind(new.sealed.clone())
            .bind(old.sealed.clone())
        };
        self.durable.run(update).await.map(drop)
    }
}

fn code(row: &AnyRow) -> Result<(UserId, StoredCode), Unavailable> {
    Ok((parsed(row, "sub")?, StoredCode { mac: value(row, "mac")?, sealed: value(row, "sealed")? }))
}
