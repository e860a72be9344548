//! The audit log. Rows are added, and purged when they are old; no statement changes one.

use super::{
    Sql, Statement,
    engine::rows::{json, moment, parsed, to_json, unreadable, value},
};
use crate::domain::{
    Unavailable,
    audit::{Action, AuditLog, AuditQuery, Event},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{EventId, UserId},
};
use sqlx::{AssertSqlSafe, any::AnyRow, query};
use std::{fmt::Display, str::FromStr, time::Duration};

/// By how much an event's time may differ from the time in its id, which comes from another reading of the clock. Ids
/// bound the part of the table that is read; times decide.
const CLOCKS: Duration = Duration::from_secs(3600);

/// Comes after every id.
const AFTER_ALL: &str = "g";

#[async_trait]
impl AuditLog for Sql {
    async fn append(&self, event: &Event) -> Result<(), Unavailable> {
        self.durable.run(|| insert(event)).await.map(drop)
    }

    async fn events(&self, asked: &AuditQuery) -> Result<Vec<Event>, Unavailable> {
        // A condition that is asked for stands by itself, or its index would not be used.
        let of_user = if asked.sub.is_some() { "sub = $1" } else { "$1 = ''" };
        let of_session = if asked.sid.is_some() { "sid = $2" } else { "$2 = ''" };
        let of_action = if asked.action.is_some() { "action = $3" } else { "$3 = ''" };
        let first = asked.since.map(|since| EventId::first_at(since.minus(CLOCKS)));
        let last = asked.until.map(|until| EventId::first_at(until.plus(CLOCKS)));
        let end = asked.before.into_iter().chain(last).min();
        let known = known_actions();
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT id, at, action, result, actor, sub, sid, ip, user_agent, details FROM audit
                 WHERE {of_user} AND {of_session} AND {of_action} AND {known} AND ($4 = '' OR result = $4)
                 AND at >= $5 AND at < $6 AND id >= $7 AND id < $8
                 ORDER BY id DESC LIMIT $9",
            )))
            .bind(text(asked.sub))
            .bind(text(asked.sid))
            .bind(text(asked.action))
            .bind(asked.is_success.map_or("", |is_success| if is_success { "success" } else { "failure" }))
            .bind(asked.since.map_or(i64::MIN, Timestamp::millis))
            .bind(asked.until.map_or(i64::MAX, Timestamp::millis))
            .bind(text(first))
            .bind(end.map_or_else(|| AFTER_ALL.to_owned(), |end| end.to_string()))
            .bind(i64::from(asked.limit))
        };
        self.reading.run(read).await?.rows.iter().map(event).collect()
    }

    async fn append_once(&self, event: &Event) -> Result<bool, Unavailable> {
        let insert = || insert_as(event, " ON CONFLICT (id) DO NOTHING");
        Ok(self.durable.run(insert).await?.written > 0)
    }

    async fn incidents(&self, sub: UserId, at_most: u32) -> Result<Vec<Event>, Unavailable> {
        let read = || {
            query(
                "SELECT id, at, action, result, actor, sub, sid, ip, user_agent, details FROM audit
                 WHERE sub = $1 AND action IN ('refresh_reuse', 'refresh_elsewhere') ORDER BY id DESC LIMIT $2",
            )
            .bind(sub.to_string())
            .bind(i64::from(at_most))
        };
        self.reading.run(read).await?.rows.iter().map(event).collect()
    }

    async fn forget_events(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 AND id < $2 ORDER BY id LIMIT $3)")
                .bind(before.millis())
                .bind(EventId::first_at(before.plus(CLOCKS)).to_string())
                .bind(i64::from(at_most))
        };
        Ok(self.durable.run(delete).await?.written)
    }
}

/// Leaves out actions that only a later version knows. Appending an empty text keeps the index on actions from being
/// used for this.
fn known_actions() -> String {
    let names: Vec<String> = Action::ALL.iter().map(|action| format!("'{action}'")).collect();
    format!("(action || '') IN ({})", names.join(", "))
}

/// Adds a row, alone or in the transaction of the change that it records.
pub(super) fn insert(event: &Event) -> Statement {
    insert_as(event, "")
}

fn insert_as(event: &Event, in_conflict: &str) -> Statement {
    query(AssertSqlSafe(format!(
        "INSERT INTO audit (id, at, action, result, actor, sub, sid, ip, user_agent, details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10){in_conflict}"
    )))
    .bind(event.id.to_string())
    .bind(event.at.millis())
    .bind(event.action.name())
    .bind(event.result())
    .bind(event.actor.map(|id| id.to_string()))
    .bind(event.sub.map(|id| id.to_string()))
    .bind(event.sid.map(|id| id.to_string()))
    .bind(event.ip.clone())
    .bind(event.user_agent.clone())
    .bind(to_json(&event.details))
}

/// Empty for no condition.
fn text(condition: Option<impl Display>) -> String {
    condition.map(|value| value.to_string()).unwrap_or_default()
}

fn event(row: &AnyRow) -> Result<Event, Unavailable> {
    Ok(Event {
        id: parsed(row, "id")?,
        at: moment(row, "at")?,
        action: parsed(row, "action")?,
        is_success: value::<&str>(row, "result")? == "success",
        actor: optional(row, "actor")?,
        sub: optional(row, "sub")?,
        sid: optional(row, "sid")?,
        ip: value(row, "ip")?,
        user_agent: value(row, "user_agent")?,
        details: json(row, "details")?,
    })
}

fn optional<T: FromStr>(row: &AnyRow, column: &str) -> Result<Option<T>, Unavailable> {
    value::<Option<&str>>(row, column)?.map(str::parse).transpose().map_err(|_| unreadable(column))
}
