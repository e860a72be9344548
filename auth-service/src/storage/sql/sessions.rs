//! Sessions, if there is no Redis. An expired row counts as missing, whenever it is purged.

use super::{
    Sql,
    engine::rows::{moment, parsed, unreadable, value},
    probe,
};
use crate::domain::{
    Unavailable,
    sessions::store::{Change, Commit, Sealed, SessionStore, Snapshot},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use sqlx::{AssertSqlSafe, query};

#[async_trait]
impl SessionStore for Sql {
    async fn read(&self, sub: UserId, sid: SessionId) -> Result<Snapshot, Unavailable> {
        let read = || {
            self.timed(
                "SELECT clock.now AS now, record FROM (SELECT :now AS now) AS clock
                 LEFT JOIN sealed_sessions ON sub = $2 AND sid = $3 AND expires_at > clock.now",
            )
            .bind(sub.to_string())
            .bind(sid.to_string())
        };
        let answer = self.reading.run(read).await?;
        let row = answer.rows.first().ok_or_else(|| unreadable("now"))?;
        Ok(Snapshot { sealed: value::<Option<Vec<u8>>>(row, "record")?.map(Sealed), now: moment(row, "now")? })
    }

    async fn commit(&self, change: &Change<'_>) -> Result<Commit, Unavailable> {
        let written = match change.expected {
            None => self.insert(change).await?,
            Some(expected) => self.replace(expected, change).await?,
        };
        Ok(if written > 0 { Commit::Done } else { Commit::Conflict })
    }

    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable> {
        let delete = || {
            query("DELETE FROM sealed_sessions WHERE sub = $1 AND sid = $2").bind(sub.to_string()).bind(sid.to_string())
        };
        self.relaxed.run(delete).await.map(drop)
    }

    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable> {
        let delete = || {
            query("DELETE FROM sealed_sessions WHERE sub = $1 AND sid <> $2")
                .bind(sub.to_string())
                .bind(except.map(|sid| sid.to_string()).unwrap_or_default())
        };
        self.relaxed.run(delete).await.map(drop)
    }

    async fn of_user(&self, sub: UserId) -> Result<Vec<(SessionId, Sealed)>, Unavailable> {
        let read = || {
            self.timed("SELECT sid, record FROM sealed_sessions WHERE sub = $2 AND expires_at > :now")
                .bind(sub.to_string())
        };
        let answer = self.reading.run(read).await?;
        answer.rows.iter().map(|row| Ok((parsed(row, "sid")?, Sealed(value(row, "record")?)))).collect()
    }

    async fn has_room(&self, _sub: UserId) -> Result<bool, Unavailable> {
        Ok(true)
    }

    async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let mut forgotten = 0;
        // `sessions` is left over from earlier versions.
        for table in ["sealed_sessions", "sessions"] {
            let delete = || {
                query(AssertSqlSafe(format!(
                    "DELETE FROM {table} WHERE (sub, sid) IN
                     (SELECT sub, sid FROM {table} WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
                )))
                .bind(now.millis())
                .bind(i64::from(at_most))
            };
            forgotten += self.relaxed.run(delete).await?.written;
        }
        Ok(forgotten)
    }

    async fn probe(&self) -> Result<(), Unavailable> {
        self.try_out(probe::SESSIONS).await
    }
}

impl Sql {
    async fn insert(&self, change: &Change<'_>) -> Result<u64, Unavailable> {
        let insert = || {
            self.timed(
                "INSERT INTO sealed_sessions (sub, sid, record, expires_at) SELECT $2, $3, $4, $5 WHERE $6 >= :now
                 ON CONFLICT (sub, sid) DO UPDATE SET record = excluded.record, expires_at = excluded.expires_at
                 WHERE sealed_sessions.expires_at <= :now",
            )
            .bind(change.sub.to_string())
            .bind(change.sid.to_string())
            .bind(change.next.0.clone())
            .bind(change.expires_at.millis())
            .bind(change.not_after.millis())
        };
        Ok(self.relaxed.run(insert).await?.written)
    }

    async fn replace(&self, expected: &Sealed, change: &Change<'_>) -> Result<u64, Unavailable> {
        let update = || {
            self.timed(
                "UPDATE sealed_sessions SET record = $4, expires_at = $5
                 WHERE sub = $2 AND sid = $3 AND record = $6 AND expires_at > :now AND $7 >= :now",
            )
            .bind(change.sub.to_string())
            .bind(change.sid.to_string())
            .bind(change.next.0.clone())
            .bind(change.expires_at.millis())
            .bind(expected.0.clone())
            .bind(change.not_after.millis())
        };
        Ok(self.relaxed.run(update).await?.written)
    }
}
