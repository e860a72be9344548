//! Many users at once: one statement for a batch.

use super::{
    Sql, Statement,
    accounts::searchable,
    engine::{
        backend::Backend,
        rows::{to_json, unreadable, value},
    },
    users::{credentials, json, optional_text, text},
};
use crate::domain::{
    Language, Unavailable,
    accounts::{
        ExternalId,
        transfer::{Arrival, Holder, Stretch, Transfer},
    },
    passwords::PasswordHash,
};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::UserId};
use sqlx::{AssertSqlSafe, any::AnyRow, query};
use std::{collections::HashSet, time::Duration};

/// A batch takes some ten milliseconds, and waits for its turn among the service's statements.
const PATIENCE: Duration = Duration::from_secs(10);

/// The values of a row.
const VALUES: usize = 15;

#[async_trait]
impl Transfer for Sql {
    async fn add_all(&self, users: &[Arrival], now: Timestamp) -> Result<HashSet<UserId>, Unavailable> {
        if users.is_empty() {
            return Ok(HashSet::new());
        }
        let insert = || {
            let rows: Vec<String> =
                (0..users.len()).map(|row| format!("({})", self.backend.places(row * VALUES, VALUES))).collect();
            let insert = query(AssertSqlSafe(format!(
                "INSERT INTO users (id, email, name, search, password_hash, roles, custom, disabled, session_epoch,
                 created_at, external_source, external_id, email_verified_at,
                 second_email, language) VALUES {} ON CONFLICT DO NOTHING RETURNING id",
                rows.join(", ")
            )));
            users.iter().fold(insert, |insert, user| bind_arrival(insert, user, now))
        };
        let answer = self.bulk.run_within(PATIENCE, insert).await?;
        Ok(answer.rows.iter().filter_map(|row| text(row, "id").ok()?.parse().ok()).collect())
    }

    async fn holders_of(&self, users: &[Arrival]) -> Result<Vec<Holder>, Unavailable> {
        let external: Vec<&ExternalId> = users.iter().filter_map(|user| user.external.as_ref()).collect();
        let read = || {
            let (ids, mails) = (self.backend.places(0, users.len()), self.backend.places(users.len(), users.len()));
            let pairs: Vec<String> = (0..external.len())
                .map(|pair| format!("({})", self.backend.places(2 * users.len() + 2 * pair, 2)))
                .collect();
            let or_external = if pairs.is_empty() {
                String::new()
            } else {
                format!(" OR (external_source, external_id) IN (VALUES {})", pairs.join(", "))
            };
            let read = query(AssertSqlSafe(format!(
                "SELECT {} FROM users WHERE id IN ({ids}) OR email IN ({mails}){or_external}",
                self.backend.columns()
            )));
            let read = users.iter().fold(read, |read, user| read.bind(user.id.to_string()));
            let read = users.iter().fold(read, |read, user| read.bind(user.email.to_string()));
            external.iter().fold(read, |read, known| read.bind(known.source.clone()).bind(known.id.clone()))
        };
        if users.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.reading.run_within(PATIENCE, read).await?.rows.iter().filter_map(holder).collect())
    }

    async fn overwrite_all(&self, users: &[(UserId, Arrival)], now: Timestamp) -> Result<(), Unavailable> {
        if users.is_empty() {
            return Ok(());
        }
        let updates = || users.iter().map(|(id, user)| overwrite(*id, user, now)).collect();
        self.bulk.run_together_within(PATIENCE, updates).await.map(drop)
    }

    async fn stretch(&self, after: &str, at_most: u32) -> Result<Stretch, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {} FROM users WHERE id > $1 ORDER BY users.id LIMIT $2",
                self.backend.columns()
            )))
            .bind(after.to_owned())
            .bind(i64::from(at_most))
        };
        let rows = self.searching.run_within(PATIENCE, read).await?.rows;
        let next = match rows.last().map(|row| text(row, "id")) {
            Some(Ok(last)) if rows.len() as u64 >= u64::from(at_most) && last != after => Some(last.to_owned()),
            _ => None,
        };
        let user = |row: &AnyRow| credentials(row).map(|found| (found.account, found.hash));
        Ok(Stretch { users: rows.iter().map(user).collect(), next })
    }

    async fn count(&self) -> Result<u64, Unavailable> {
        let answer = self.searching.run_within(PATIENCE, || query("SELECT count(*) AS users FROM users")).await?;
        let users: i64 = value(answer.rows.first().ok_or_else(|| unreadable("users"))?, "users")?;
        Ok(u64::try_from(users).unwrap_or_default())
    }
}

impl Backend {
    /// The places of `count` values after the first ones. With names such as `$1`, SQLite looks through all of them to
    /// bind each.
    fn places(self, first: usize, count: usize) -> String {
        let place = |number| match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${number}"),
        };
        (first + 1..=first + count).map(place).collect::<Vec<_>>().join(", ")
    }
}

fn bind_arrival(statement: Statement, user: &Arrival, now: Timestamp) -> Statement {
    let statement = bind_profile(statement, user.id, user, now).bind(user.created_at.millis());
    bind_verified(bind_external(statement, user), user, now)
}

/// The nine values with which both statements begin.
fn bind_profile(statement: Statement, id: UserId, user: &Arrival, now: Timestamp) -> Statement {
    statement
        .bind(id.to_string())
        .bind(user.email.to_string())
        .bind(user.name.as_ref().map(|name| name.as_str().to_owned()))
        .bind(searchable(&user.email, user.name.as_ref()))
        .bind(user.hash.0.clone())
        .bind(to_json(&user.roles))
        .bind(to_json(&user.custom))
        .bind(i64::from(user.disabled))
        .bind(now.millis())
}

fn bind_external(statement: Statement, user: &Arrival) -> Statement {
    statement
        .bind(user.external.as_ref().map(|known| known.source.clone()))
        .bind(user.external.as_ref().map(|known| known.id.clone()))
}

/// Whether the address was verified, the second address, and the language.
fn bind_verified(statement: Statement, user: &Arrival, now: Timestamp) -> Statement {
    statement
        .bind(user.is_verified.then_some(now.millis()))
        .bind(user.second_email.as_ref().map(|address| address.to_string()))
        .bind(user.language.map(Language::code))
}

fn overwrite(id: UserId, user: &Arrival, now: Timestamp) -> Statement {
    let update = query(
        "UPDATE users SET email = $2, name = $3, search = $4, roles = $6, custom = $7,
         password_hash = CASE WHEN CAST(password_hash AS TEXT) = $10 THEN $5 ELSE password_hash END,
         kept_sid = CASE WHEN $8 = 1 AND disabled = 0 THEN NULL ELSE kept_sid END,
         session_epoch = CASE WHEN $8 = 1 AND disabled = 0
             THEN CASE WHEN session_epoch >= $9 THEN session_epoch + 1 ELSE $9 END
             ELSE session_epoch END,
         email_verified_at = CASE WHEN email = $2 THEN coalesce(email_verified_at, $13) ELSE $13 END,
         second_email = coalesce($14, second_email), language = coalesce($15, language),
         disabled = $8, revision = revision + 1,
         external_source = coalesce($11, external_source), external_id = coalesce($12, external_id)
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM users AS other WHERE other.email = $2 AND other.id <> $1)",
    );
    let update = bind_external(bind_profile(update, id, user, now).bind(PasswordHash::NONE), user);
    bind_verified(update, user, now)
}

/// A row that cannot be read still holds its address and its id.
fn holder(row: &AnyRow) -> Option<Holder> {
    let part = |column| optional_text(row, column).ok().flatten().map(str::to_owned);
    Some(Holder {
        id: text(row, "id").ok()?.parse().ok()?,
        external: part("external_source").zip(part("external_id")).map(|(source, id)| ExternalId { source, id }),
        email: part("email").unwrap_or_default(),
        roles: json(row, "roles").unwrap_or_default(),
    })
}
