//! Reads rows of users. Another program may have written a row that cannot be read: lists leave it out, and looking it
//! up fails with the name of the column.

use super::{Sql, engine::backend::Backend};
use crate::domain::{
    Language, Unavailable,
    accounts::{Account, Credentials, EmailAddress, Epoch, ExternalId, PersonName, Unreadable},
    passwords::PasswordHash,
};
use serde::de::DeserializeOwned;
use shared::{clock::Timestamp, ids::UserId, seldom::Seldom};
use sqlx::{Any, AssertSqlSafe, Decode, Row as _, Type, any::AnyRow, query};
use std::{
    collections::BTreeMap,
    str::FromStr,
    time::{Duration, Instant},
};

/// Which rows were reported lately.
static SAID: Seldom = Seldom::new();

/// Maximum number of rows read at once while unreadable ones are skipped.
const MOST_AT_ONCE: usize = 10_000;

/// Maximum time to look through all users.
const PATIENCE: Duration = Duration::from_secs(2);

impl Backend {
    /// The columns of a user, named one by one so that a later version may add one while this version runs. SQLite
    /// stores any value in any column, so texts are read as bytes: one that is not UTF-8 would fail the whole
    /// statement. Bytes in a column that users are found by are read as NULL, since no text equals them.
    pub(super) const fn columns(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "CASE typeof(id) WHEN 'text' THEN CAST(id AS BLOB) END AS id,
                 CASE typeof(email) WHEN 'text' THEN CAST(email AS BLOB) END AS email,
                 CAST(name AS BLOB) AS name, CAST(password_hash AS BLOB) AS password_hash,
                 CASE typeof(roles) WHEN 'text' THEN CAST(roles AS BLOB) END AS roles, CAST(custom AS BLOB) AS custom,
                 disabled, session_epoch, CAST(kept_sid AS BLOB) AS kept_sid, created_at, email_verified_at, revision, unlocks,
                 CAST(second_email AS BLOB) AS second_email, CAST(language AS BLOB) AS language, CAST(external_source AS BLOB) AS external_source, CAST(external_id AS BLOB) AS external_id"
            }
            Self::Postgres => {
                "id, email, name, password_hash, roles, custom, disabled, session_epoch, kept_sid, created_at, email_verified_at, revision, unlocks,
                 second_email, language, external_source, external_id"
            }
        }
    }

    /// The condition that a user's id is a text.
    pub(super) const fn has_text_for_id(self) -> &'static str {
        match self {
            Self::Sqlite => "typeof(id) = 'text'",
            Self::Postgres => "1 = 1",
        }
    }

    /// A text, to be read as [`Backend::columns`] are.
    pub(super) fn text(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({expression} AS BLOB)"),
            Self::Postgres => expression.to_owned(),
        }
    }
}

/// A text, or the column if there is none.
pub(super) fn text<'row>(row: &'row AnyRow, column: &'static str) -> Result<&'row str, &'static str> {
    optional_text(row, column)?.ok_or(column)
}

/// A text, as text or as its bytes.
pub(super) fn optional_text<'row>(row: &'row AnyRow, column: &'static str) -> Result<Option<&'row str>, &'static str> {
    if let Ok(text) = row.try_get(column) {
        return Ok(text);
    }
    let bytes: Option<&[u8]> = row.try_get(column).map_err(|_| column)?;
    bytes.map(str::from_utf8).transpose().map_err(|_| column)
}

fn parsed<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T, &'static str> {
    text(row, column)?.parse().map_err(|_| column)
}

/// A value that is kept as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &AnyRow, column: &'static str) -> Result<T, &'static str> {
    serde_json::from_str(text(row, column)?).map_err(|_| column)
}

fn value<'row, T>(row: &'row AnyRow, column: &'static str) -> Result<T, &'static str>
where
    T: Decode<'row, Any> + Type<Any>,
{
    row.try_get(column).map_err(|_| column)
}

/// The user of a row.
pub(super) fn account(row: &AnyRow) -> Result<Account, Unreadable> {
    columns_of(row).map_err(|column| Unreadable { id: parsed(row, "id").ok(), column })
}

/// The user of a row, and the password's hash; one that is not text cannot be used.
pub(super) fn credentials(row: &AnyRow) -> Result<Credentials, Unreadable> {
    let account = account(row)?;
    let unlocks = value(row, "unlocks").map_err(|column| Unreadable { id: Some(account.id), column })?;
    Ok(Credentials { account, hash: hash(row), unlocks })
}

/// A password's hash; empty if it is not text.
pub(super) fn hash(row: &AnyRow) -> PasswordHash {
    PasswordHash(text(row, "password_hash").unwrap_or_default().to_owned())
}

fn columns_of(row: &AnyRow) -> Result<Account, &'static str> {
    let name = optional_text(row, "name")?.map(PersonName::stored).transpose();
    let kept = optional_text(row, "kept_sid")?.map(str::parse).transpose();
    let second = optional_text(row, "second_email")?.map(EmailAddress::parse).transpose();
    let external = optional_text(row, "external_source")?.zip(optional_text(row, "external_id")?);
    let id: UserId = parsed(row, "id")?;
    // Users are looked up, and pages continue, by the id as auth-service writes it.
    if text(row, "id")? != id.to_string() {
        return Err("id");
    }
    Ok(Account {
        id,
        email: EmailAddress::parse(text(row, "email")?).map_err(|_| "email")?,
        name: name.map_err(|_| "name")?,
        roles: json(row, "roles")?,
        custom: json(row, "custom")?,
        disabled: value::<i64>(row, "disabled")? != 0,
        session_epoch: Epoch(value(row, "session_epoch")?),
        kept_session: kept.map_err(|_| "kept_sid")?,
        created_at: Timestamp::from_millis(value(row, "created_at")?),
        email_verified_at: value::<Option<i64>>(row, "email_verified_at")?.map(Timestamp::from_millis),
        second_email: second.map_err(|_| "second_email")?,
        language: optional_text(row, "language")?.and_then(Language::of_tag),
        external: external.map(|(source, id)| ExternalId { source: source.to_owned(), id: id.to_owned() }),
        revision: value(row, "revision")?,
    })
}

/// The user of one row of a list; a row that cannot be read is reported from time to time.
fn among_others(row: &AnyRow) -> Option<Account> {
    let read = account(row);
    if let Err(Unreadable { id, column }) = &read {
        let user = id.map(|id| id.to_string()).unwrap_or_default();
        if SAID.is_due(&user) {
            tracing::warn!(
                user,
                column,
                "a row of users cannot be read and is left out of lists: another program wrote it (docs/operate.md); `auth-service doctor` counts such rows"
            );
        }
    }
    read.ok()
}

/// A page of users that is being filled, in the order of their ids.
pub(super) struct Page {
    users: Vec<Account>,
    wanted: usize,
    after: String,
    at_once: usize,
    is_over: bool,
}

impl Page {
    /// A page of `wanted` users after an id.
    pub(super) fn after(id: &str, wanted: usize) -> Self {
        Self { users: Vec::new(), wanted, after: id.to_owned(), at_once: wanted, is_over: false }
    }

    /// After which id rows are to be read next, and how many at most; `None`: no more.
    pub(super) fn next(&self) -> Option<(String, i64)> {
        let is_wanted = !self.is_over && self.users.len() < self.wanted;
        is_wanted.then(|| (self.after.clone(), i64::try_from(self.at_once).unwrap_or(i64::MAX)))
    }

    /// Adds the rows that were read.
    pub(super) fn take(&mut self, rows: &[AnyRow]) {
        self.users.extend(rows.iter().filter_map(among_others));
        self.users.truncate(self.wanted);
        match rows.last().map(|row| text(row, "id")) {
            Some(Ok(last)) if rows.len() >= self.at_once && last != self.after => {
                self.after = last.to_owned();
                // Many unreadable rows are skipped with few statements.
                self.at_once = (2 * self.at_once).min(MOST_AT_ONCE.max(self.wanted));
            }
            _ => self.is_over = true,
        }
    }

    /// The users.
    pub(super) fn users(self) -> Vec<Account> {
        self.users
    }
}

/// What was found in the rows of all users.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RowsSeen {
    /// How many rows cannot be read, or nobody can log in with, by the first column to blame, with one of the users.
    pub flawed: BTreeMap<&'static str, (u64, Option<UserId>)>,
    /// Whether there was time for all of them.
    pub are_all: bool,
}

impl RowsSeen {
    fn look_at(&mut self, row: &AnyRow) {
        let (column, id) = match account(row) {
            // Users are looked up in lower case.
            Ok(account) if text(row, "email") != Ok(account.email.as_str()) => ("email", Some(account.id)),
            Ok(_) => return,
            Err(Unreadable { id, column }) => (column, id),
        };
        let (count, example) = self.flawed.entry(column).or_default();
        *count += 1;
        *example = example.or(id);
    }
}

impl Sql {
    /// Looks at the rows of all users, or of as many as there is time for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rows_of_users(&self) -> Result<RowsSeen, Unavailable> {
        let (begun, mut seen, mut after) = (Instant::now(), RowsSeen::default(), String::new());
        while begun.elapsed() < PATIENCE {
            let read = || {
                let columns = self.backend.columns();
                query(AssertSqlSafe(format!(
                    "SELECT {columns} FROM users WHERE id > $1 ORDER BY users.id LIMIT {MOST_AT_ONCE}"
                )))
                .bind(after.clone())
            };
            let rows = self.searching.run_within(PATIENCE, read).await?.rows;
            rows.iter().for_each(|row| seen.look_at(row));
            match rows.last().map(|row| text(row, "id")) {
                Some(Ok(last)) if rows.len() >= MOST_AT_ONCE => last.clone_into(&mut after),
                _ => return Ok(RowsSeen { are_all: true, ..seen }),
            }
        }
        Ok(seen)
    }

    /// The different lists of roles that users have; those that cannot be read are left out.
    pub(super) async fn role_lists(&self) -> Result<Vec<RoleList>, Unavailable> {
        let roles = match self.backend {
            Backend::Sqlite => "CASE typeof(roles) WHEN 'text' THEN CAST(roles AS BLOB) END AS roles",
            Backend::Postgres => "roles",
        };
        let read =
            || query(AssertSqlSafe(format!("SELECT {roles}, count(*) AS holders FROM users GROUP BY users.roles")));
        let list = |row: &AnyRow| {
            let holders = u64::try_from(value::<i64>(row, "holders").ok()?).unwrap_or(0);
            let written = text(row, "roles").ok()?.to_owned();
            Some(RoleList { written, roles: json(row, "roles").ok()?, holders })
        };
        Ok(self.reading.run(read).await?.rows.iter().filter_map(list).collect())
    }
}

/// Roles that some users have.
pub(super) struct RoleList {
    /// As stored in the table.
    pub(super) written: String,
    pub(super) roles: Vec<String>,
    pub(super) holders: u64,
}
