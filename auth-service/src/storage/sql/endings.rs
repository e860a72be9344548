//! What has ended: each call is one statement, or one transaction.

use super::{
    Sql, Statement, audit,
    engine::rows::{parsed, value},
    users::account,
};
use crate::domain::{
    Unavailable,
    accounts::Epoch,
    sessions::endings::{Endings, SessionStatus, Theft},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use sqlx::{AssertSqlSafe, any::AnyRow, query};
use std::time::Duration;

/// How long raising the epoch of all users may take; an operator waits for it.
const MANY_ROWS: Duration = Duration::from_secs(120);

/// Maximum number of sessions in one statement.
const AT_ONCE: usize = 100;

#[async_trait]
impl Endings for Sql {
    async fn status(&self, id: UserId, session: SessionId) -> Result<Option<SessionStatus>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {}, sid AS ended FROM users
                 LEFT JOIN ended_sessions ON sub = id AND sid = $2 WHERE id = $1",
                self.backend.columns()
            )))
            .bind(id.to_string())
            .bind(session.to_string())
        };
        let status = |row: &AnyRow| {
            Ok(SessionStatus { account: account(row)?, ended: value::<Option<&str>>(row, "ended")?.is_some() })
        };
        self.reading.run(read).await?.rows.first().map(status).transpose()
    }

    async fn status_of_token(
        &self,
        id: UserId,
        session: SessionId,
        token: &str,
    ) -> Result<Option<(SessionStatus, bool)>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {}, (SELECT count(*) FROM ended_sessions WHERE sub = $1 AND sid = $2)
                 + (SELECT count(*) FROM endings WHERE kind = 'token' AND name = $3) AS ended,
                 (SELECT count(*) FROM totp WHERE sub = $1 AND confirmed_at IS NOT NULL)
                 + (SELECT count(*) FROM passkeys WHERE sub = $1) AS factors FROM users WHERE id = $1",
                self.backend.columns()
            )))
            .bind(id.to_string())
            .bind(session.to_string())
            .bind(token.to_owned())
        };
        let status = |row: &AnyRow| {
            let status = SessionStatus { account: account(row)?, ended: value::<i64>(row, "ended")? > 0 };
            Ok((status, value::<i64>(row, "factors")? > 0))
        };
        self.reading.run(read).await?.rows.first().map(status).transpose()
    }

    async fn end_token(&self, token: &str) -> Result<bool, Unavailable> {
        let insert = || {
            query(
                "INSERT INTO endings (kind, name) SELECT 'token', $1
                 WHERE NOT EXISTS (SELECT 1 FROM endings WHERE kind = 'token' AND name = $1)",
            )
            .bind(token.to_owned())
        };
        Ok(self.durable.run(insert).await?.written > 0)
    }

    async fn raise_epoch(&self, id: UserId, seen: Option<Epoch>, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.durable.run(|| raise_epoch(id, seen, now)).await?.written > 0)
    }

    async fn raise_all_epochs(&self, now: Timestamp) -> Result<u64, Unavailable> {
        let statements = || {
            // One ending for all of them: the log then names no user whose epoch was an earlier one.
            let log = query("INSERT INTO endings (kind, name, epoch) VALUES ('all', '', $1)").bind(now.millis());
            let update = query(
                "UPDATE users SET kept_sid = NULL,
                 session_epoch = CASE WHEN session_epoch >= $1 THEN session_epoch + 1 ELSE $1 END",
            );
            vec![log, update.bind(now.millis())]
        };
        Ok(self.durable.run_together_within(MANY_ROWS, statements).await?.written)
    }

    async fn end_session(&self, id: UserId, session: SessionId, until: Timestamp) -> Result<(), Unavailable> {
        self.durable.run(|| end_session(id, session, until)).await.map(drop)
    }

    async fn end_stolen(&self, theft: &Theft<'_>) -> Result<(), Unavailable> {
        let statements = || {
            let raised = theft.epoch.map(|epoch| raise_epoch(theft.sub, Some(epoch), theft.event.at));
            let ended = end_session(theft.sub, theft.sid, theft.until);
            // Whoever has stolen the session may have the browser's other cookies.
            let trusted = query("DELETE FROM trusted_devices WHERE sub = $1").bind(theft.sub.to_string());
            [Some(trusted), Some(ended), raised, Some(audit::insert(theft.event))].into_iter().flatten().collect()
        };
        self.run_together_with_mails(statements, theft.mails).await.map(drop)
    }

    async fn ended_among(&self, id: UserId, sessions: &[SessionId]) -> Result<Vec<SessionId>, Unavailable> {
        let mut ended = Vec::new();
        for some in sessions.chunks(AT_ONCE) {
            let read = || {
                let places: Vec<String> = (2..some.len() + 2).map(|place| format!("${place}")).collect();
                let places = places.join(", ");
                let read = query(AssertSqlSafe(format!(
                    "SELECT sid FROM ended_sessions WHERE sub = $1 AND sid IN ({places})"
                )));
                some.iter().fold(read.bind(id.to_string()), |read, sid| read.bind(sid.to_string()))
            };
            let answer = self.reading.run(read).await?;
            ended.extend(answer.rows.iter().map(|row| parsed(row, "sid")).collect::<Result<Vec<SessionId>, _>>()?);
        }
        Ok(ended)
    }

    async fn forget_ended(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query(
                "DELETE FROM ended_sessions WHERE (sub, sid) IN
                 (SELECT sub, sid FROM ended_sessions WHERE until < $1 ORDER BY until LIMIT $2)",
            )
            .bind(now.millis())
            .bind(i64::from(at_most))
        };
        Ok(self.durable.run(delete).await?.written)
    }
}

fn raise_epoch(id: UserId, seen: Option<Epoch>, now: Timestamp) -> Statement {
    query(
        "UPDATE users SET kept_sid = NULL,
         session_epoch = CASE WHEN session_epoch >= $3 THEN session_epoch + 1 ELSE $3 END
         WHERE id = $1 AND session_epoch = coalesce($2, session_epoch)",
    )
    .bind(id.to_string())
    .bind(seen.map(|epoch| epoch.0))
    .bind(now.millis())
}

fn end_session(id: UserId, session: SessionId, until: Timestamp) -> Statement {
    query(
        "INSERT INTO ended_sessions (sub, sid, until) VALUES ($1, $2, $3)
         ON CONFLICT (sub, sid) DO UPDATE SET until = excluded.until WHERE ended_sessions.until < excluded.until",
    )
    .bind(id.to_string())
    .bind(session.to_string())
    .bind(until.millis())
}
