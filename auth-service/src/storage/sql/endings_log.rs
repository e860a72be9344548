//! The log of endings. Triggers write it (migration 18); here it is numbered and read.

use super::{
    Sql,
    engine::{
        backend::Backend,
        rows::{moment, unreadable, value},
    },
};
use crate::domain::{
    Unavailable,
    accounts::Epoch,
    revocations::{Ending, EndingsLog, Look, Numbered},
};
use async_trait::async_trait;
use shared::clock::Timestamp;
use sqlx::{Any, AssertSqlSafe, Decode, Row as _, Type, any::AnyRow, query};

/// How many endings are numbered or read at once.
const BATCH: i64 = 5_000;

/// A verifier accepts a token for five seconds after its end, and clocks may differ by a minute.
const MARGIN: i64 = 65_000;

#[async_trait]
impl EndingsLog for Sql {
    async fn look(&self) -> Result<Look, Unavailable> {
        let read = || {
            self.timed(
                "SELECT :now AS now,
                 (SELECT CAST(value AS BIGINT) FROM facts WHERE name = 'newest_ending') AS newest,
                 (SELECT count(*) FROM (SELECT 1 AS one FROM endings WHERE seq IS NULL LIMIT 1) AS first) AS unnumbered",
            )
        };
        let answer = self.reading.run(read).await?;
        let row = answer.rows.first().ok_or_else(|| unreadable("now"))?;
        Ok(Look {
            now: moment(row, "now")?,
            newest: value(row, "newest")?,
            has_unnumbered: value::<i64>(row, "unnumbered")? > 0,
        })
    }

    /// The statement that numbers sees what was committed before it began, and it begins once the lock is there: so each
    /// number is greater than all that anybody can have read.
    async fn number(&self) -> Result<bool, Unavailable> {
        let statements = || {
            let number = self
                .timed(
                    "UPDATE endings SET
                     seq = fresh.place + (SELECT max(number) FROM (
                         SELECT :now AS number UNION ALL SELECT max(seq) FROM endings UNION ALL
                         SELECT CAST(value AS BIGINT) FROM facts WHERE name = 'newest_ending') AS numbers),
                     until = :now + $2 + (SELECT coalesce(max(token_life), 3600000) FROM signing_keys)
                     FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM endings WHERE seq IS NULL
                           ORDER BY id LIMIT $3) AS fresh
                     WHERE endings.id = fresh.id",
                )
                .bind(MARGIN)
                .bind(BATCH);
            self.backend.one_number_after_the_other().map(query).into_iter().chain([number]).collect()
        };
        // What has a number is forgotten in time; which numbers were given is not.
        let then = || {
            vec![query(
                "INSERT INTO facts (name, value) SELECT 'newest_ending', CAST(max(seq) AS TEXT) FROM endings WHERE seq > 0
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )]
        };
        Ok(self.durable.run_together(statements, then).await?.written >= BATCH.unsigned_abs())
    }

    async fn after(&self, number: i64) -> Result<(Vec<Numbered>, bool), Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT seq, until, kind, {} AS name, epoch, {} AS spared, revision
                 FROM endings WHERE seq > $1 ORDER BY seq LIMIT $2",
                self.backend.text("name"),
                self.backend.text("spared"),
            )))
            .bind(number)
            .bind(BATCH)
        };
        let rows = self.reading.run(read).await?.rows;
        let endings: Result<Vec<Numbered>, _> = rows.iter().map(numbered).collect();
        Ok((endings?, rows.len() as u64 >= BATCH.unsigned_abs()))
    }

    async fn forget(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query("DELETE FROM endings WHERE id IN (SELECT id FROM endings WHERE until < $1 ORDER BY until LIMIT $2)")
                .bind(now.millis())
                .bind(i64::from(at_most))
        };
        Ok(self.durable.run(delete).await?.written)
    }
}

impl Backend {
    /// Makes other transactions that number endings wait until this one ends. On SQLite, all that write wait.
    fn one_number_after_the_other(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7215635)::text"),
        }
    }
}

fn numbered(row: &AnyRow) -> Result<Numbered, Unavailable> {
    let kind: &str = value(row, "kind")?;
    let epoch = || known::<i64>(row, "epoch").map(Epoch);
    let ending = match kind {
        "session" => Some(Ending::Session(bytes(row, "name")?.unwrap_or_default())),
        "token" => Some(Ending::Token(bytes(row, "name")?.unwrap_or_default())),
        "user" => Some(Ending::User {
            sub: bytes(row, "name")?.unwrap_or_default(),
            epoch: epoch()?,
            spared: bytes(row, "spared")?,
        }),
        "rights" => {
            Some(Ending::Rights { sub: bytes(row, "name")?.unwrap_or_default(), revision: known(row, "revision")? })
        }
        "all" => Some(Ending::All(epoch()?)),
        _ => None,
    };
    Ok(Numbered { number: value(row, "seq")?, until: moment(row, "until")?, ending })
}

fn known<'row, T>(row: &'row AnyRow, column: &str) -> Result<T, Unavailable>
where
    T: Decode<'row, Any> + Type<Any>,
{
    value::<Option<T>>(row, column)?.ok_or_else(|| unreadable(column))
}

/// A text as its bytes: SQLite keeps what is not UTF-8 as well, and names are only ever hashed.
fn bytes(row: &AnyRow, column: &str) -> Result<Option<Vec<u8>>, Unavailable> {
    if let Ok(text) = row.try_get::<Option<&str>, _>(column) {
        return Ok(text.map(|text| text.as_bytes().to_vec()));
    }
    value(row, column)
}
