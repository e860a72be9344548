//! Sessions where there is no Redis. An expired row reads as none, whenever it is forgotten.

use super::{
    Sql, probe,
    rows::{json, moment, to_json, unreadable, value},
};
use crate::domain::{
    Unavailable,
    sessions::{Commit, Expected, SessionRecord, Sessions, Snapshot},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId, UserId},
};
use sqlx::query;

#[async_trait]
impl Sessions for Sql {
    async fn read(&self, sub: UserId, sid: SessionId) -> Result<Snapshot, Unavailable> {
        let read = || {
            self.timed(
                "SELECT clock.now AS now, record FROM (SELECT :now AS now) AS clock
                 LEFT JOIN sessions ON sub = $2 AND sid = $3 AND expires_at > clock.now",
            )
            .bind(sub.to_string())
            .bind(sid.to_string())
        };
        let answer = self.reading.run(read).await?;
        let row = answer.rows.first().ok_or_else(|| unreadable("now"))?;
        let record = value::<Option<&str>>(row, "record")?.map(serde_json::from_str).transpose();
        Ok(Snapshot { record: record.map_err(|_| unreadable("record"))?, now: moment(row, "now")? })
    }

    async fn commit(
        &self,
        expected: Expected,
        record: &SessionRecord,
        not_after: Timestamp,
    ) -> Result<Commit, Unavailable> {
        let written = match expected {
            Expected::Absent => self.insert(record, not_after).await?,
            Expected::At { generation, family } => self.replace((generation, family), record, not_after).await?,
        };
        Ok(if written > 0 { Commit::Done } else { Commit::Conflict })
    }

    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable> {
        let delete =
            || query("DELETE FROM sessions WHERE sub = $1 AND sid = $2").bind(sub.to_string()).bind(sid.to_string());
        self.relaxed.run(delete).await.map(drop)
    }

    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable> {
        let delete = || {
            query("DELETE FROM sessions WHERE sub = $1 AND sid <> $2")
                .bind(sub.to_string())
                .bind(except.map(|sid| sid.to_string()).unwrap_or_default())
        };
        self.relaxed.run(delete).await.map(drop)
    }

    async fn of_user(&self, sub: UserId) -> Result<Vec<SessionRecord>, Unavailable> {
        let read =
            || self.timed("SELECT record FROM sessions WHERE sub = $2 AND expires_at > :now").bind(sub.to_string());
        self.reading.run(read).await?.rows.iter().map(|row| json(row, "record")).collect()
    }

    async fn has_room(&self, _sub: UserId) -> Result<bool, Unavailable> {
        Ok(true)
    }

    async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query(
                "DELETE FROM sessions WHERE (sub, sid) IN
                 (SELECT sub, sid FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            )
            .bind(now.millis())
            .bind(i64::from(at_most))
        };
        Ok(self.relaxed.run(delete).await?.written)
    }

    async fn probe(&self) -> Result<(), Unavailable> {
        self.try_out(probe::SESSIONS).await
    }
}

impl Sql {
    async fn insert(&self, record: &SessionRecord, not_after: Timestamp) -> Result<u64, Unavailable> {
        let insert = || {
            self.timed(
                "INSERT INTO sessions (sub, sid, gen, fam, record, expires_at) SELECT $2, $3, $4, $5, $6, $7 WHERE $8 >= :now
                 ON CONFLICT (sub, sid) DO UPDATE
                 SET gen = excluded.gen, fam = excluded.fam, record = excluded.record, expires_at = excluded.expires_at
                 WHERE sessions.expires_at <= :now",
            )
            .bind(record.sub.to_string())
            .bind(record.sid.to_string())
            .bind(record.lineage.generation.cast_signed())
            .bind(record.lineage.family.to_string())
            .bind(to_json(record))
            .bind(record.expires_at.millis())
            .bind(not_after.millis())
        };
        Ok(self.relaxed.run(insert).await?.written)
    }

    async fn replace(
        &self,
        (generation, family): (u64, TokenId),
        record: &SessionRecord,
        not_after: Timestamp,
    ) -> Result<u64, Unavailable> {
        let update = || {
            self.timed(
                "UPDATE sessions SET gen = $4, fam = $5, record = $6, expires_at = $7
                 WHERE sub = $2 AND sid = $3 AND gen = $8 AND fam = $9 AND expires_at > :now AND $10 >= :now",
            )
            .bind(record.sub.to_string())
            .bind(record.sid.to_string())
            .bind(record.lineage.generation.cast_signed())
            .bind(record.lineage.family.to_string())
            .bind(to_json(record))
            .bind(record.expires_at.millis())
            .bind(generation.cast_signed())
            .bind(family.to_string())
            .bind(not_after.millis())
        };
        Ok(self.relaxed.run(update).await?.written)
    }
}
