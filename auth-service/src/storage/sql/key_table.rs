//! Signing keys, and facts about the installation. First come, first served: what is there is never overwritten.

use super::{
    Sql,
    engine::rows::{moment, value},
    unavailable,
};
use crate::domain::{
    Unavailable,
    keys::table::{KeyRows, KeyTable, NewKey, StoredKey},
};
use async_trait::async_trait;
use shared::clock::Timestamp;
use sqlx::{any::AnyRow, query};
use std::time::Duration;

#[async_trait]
impl KeyTable for Sql {
    async fn keys(&self) -> Result<KeyRows, Unavailable> {
        let read = || {
            self.timed(
                "SELECT clock.now AS now, slot, kid, jwk, sealed, published_at, active_at, revoked_at, token_life
                 FROM (SELECT :now AS now) AS clock LEFT JOIN signing_keys ON 1 = 1 ORDER BY slot",
            )
        };
        let rows = self.reading.run(read).await?.rows;
        let first = rows.first().ok_or_else(|| unavailable("the clock returned nothing"))?;
        let keys: Result<Vec<Option<StoredKey>>, _> = rows.iter().map(stored_key).collect();
        Ok(KeyRows { now: moment(first, "now")?, keys: keys?.into_iter().flatten().collect() })
    }

    async fn insert_if_vacant(&self, key: &NewKey) -> Result<(), Unavailable> {
        let insert = || {
            self.timed(
                "INSERT INTO signing_keys (slot, kid, jwk, sealed, published_at, active_at, token_life)
                 VALUES ($2, $3, $4, $5, :now, :now + $6, $7) ON CONFLICT DO NOTHING",
            )
            .bind(key.slot)
            .bind(key.kid.clone())
            .bind(key.jwk.clone())
            .bind(key.sealed.clone())
            .bind(millis(key.lead))
            .bind(millis(key.token_life))
        };
        self.durable.run(insert).await.map(drop)
    }

    async fn activate_sooner(&self, slot: i64, lead: Duration) -> Result<(), Unavailable> {
        let update = || {
            self.timed(
                "UPDATE signing_keys
                 SET active_at = CASE WHEN published_at + $3 > :now THEN published_at + $3 ELSE :now END
                 WHERE slot = $2 AND active_at > :now AND active_at > published_at + $3",
            )
            .bind(slot)
            .bind(millis(lead))
        };
        self.durable.run(update).await.map(drop)
    }

    async fn revoke(&self, slot: i64) -> Result<(), Unavailable> {
        let update = || {
            self.timed("UPDATE signing_keys SET revoked_at = :now WHERE slot = $2 AND revoked_at IS NULL").bind(slot)
        };
        self.durable.run(update).await.map(drop)
    }

    async fn extend_token_life(&self, from_slot: i64, token_life: Duration) -> Result<(), Unavailable> {
        let update = || {
            query("UPDATE signing_keys SET token_life = $2 WHERE slot >= $1 AND token_life < $2")
                .bind(from_slot)
                .bind(millis(token_life))
        };
        self.durable.run(update).await.map(drop)
    }

    async fn reseal(&self, slot: i64, old: &[u8], new: &[u8]) -> Result<(), Unavailable> {
        let update = || {
            query("UPDATE signing_keys SET sealed = $3 WHERE slot = $1 AND sealed = $2")
                .bind(slot)
                .bind(old.to_vec())
                .bind(new.to_vec())
        };
        self.durable.run(update).await.map(drop)
    }

    async fn forget(&self, slot: i64) -> Result<(), Unavailable> {
        self.durable.run(|| query("DELETE FROM signing_keys WHERE slot = $1").bind(slot)).await.map(drop)
    }

    async fn known_fact(&self, name: &str) -> Result<Option<String>, Unavailable> {
        let read = || query("SELECT value FROM facts WHERE name = $1").bind(name.to_owned());
        self.reading.run(read).await?.rows.first().map(|row| value(row, "value")).transpose()
    }

    /// Reads before it writes: commands that only look need no right to write.
    async fn fact(&self, name: &str, text: &str) -> Result<String, Unavailable> {
        if let Some(known) = self.known_fact(name).await? {
            return Ok(known);
        }
        let insert = || {
            query(
                "INSERT INTO facts (name, value) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET value = facts.value RETURNING value",
            )
            .bind(name.to_owned())
            .bind(text.to_owned())
        };
        let answer = self.durable.run(insert).await?;
        answer.rows.first().map_or_else(|| Err(unavailable("an upsert returned nothing")), |row| value(row, "value"))
    }

    async fn replace_fact(&self, name: &str, old: &str, new: &str) -> Result<bool, Unavailable> {
        let update = || {
            query("UPDATE facts SET value = $3 WHERE name = $1 AND value = $2")
                .bind(name.to_owned())
                .bind(old.to_owned())
                .bind(new.to_owned())
        };
        Ok(self.durable.run(update).await?.written > 0)
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// `None`: the row has no key, because the table is empty.
fn stored_key(row: &AnyRow) -> Result<Option<StoredKey>, Unavailable> {
    let Some(slot) = value(row, "slot")? else { return Ok(None) };
    Ok(Some(StoredKey {
        slot,
        kid: value(row, "kid")?,
        jwk: value(row, "jwk")?,
        sealed: value(row, "sealed")?,
        published_at: moment(row, "published_at")?,
        active_at: moment(row, "active_at")?,
        revoked_at: value::<Option<i64>>(row, "revoked_at")?.map(Timestamp::from_millis),
        token_life: Duration::from_millis(u64::try_from(value::<i64>(row, "token_life")?).unwrap_or(0)),
    }))
}
