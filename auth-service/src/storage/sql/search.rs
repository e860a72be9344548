//! Finds users by a part of their address or name, and by what else is known of them.
//!
//! Without conditions, the next users by id are read. PostgreSQL answers for three characters or more from an index of
//! trigrams, where it has one. Everything else is a walk through all users in short stretches, and can end after each.

use super::{
    Sql, Statement,
    engine::{backend::Backend, rows::to_json},
    users::{Page, text},
};
use crate::domain::{
    Unavailable,
    accounts::{Account, AccountQuery, SearchError},
};
use shared::clock::Timestamp;
use sqlx::{AssertSqlSafe, query};
use std::time::{Duration, Instant};

/// Maximum time that an admin waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// When the database cancels the statement itself: a little sooner, so that it can report that.
const STATEMENT: Duration = Duration::from_millis(4500);

/// Number of users in one stretch of a walk, which takes some ten milliseconds.
const STRETCH: i64 = 20_000;

/// Minimum length in characters of a text for which trigrams help.
const TRIGRAM: usize = 3;

impl Sql {
    /// The users of a page, in the order of their ids.
    pub(super) async fn search(&self, text: &str, asked: &AccountQuery) -> Result<Vec<Account>, SearchError> {
        if text.is_empty() && !has_conditions(asked) {
            return Ok(self.everybody(asked).await?);
        }
        let has_trigrams = self.backend == Backend::Postgres && text.chars().count() >= TRIGRAM;
        if has_trigrams && self.has_search_index().await? {
            self.look_up(text, asked).await
        } else {
            self.walk(text, asked).await
        }
    }

    async fn everybody(&self, asked: &AccountQuery) -> Result<Vec<Account>, Unavailable> {
        let mut page = Page::after(&after(asked), asked.limit as usize);
        while let Some((after, at_once)) = page.next() {
            let read = || self.select("WHERE id > $1 ORDER BY users.id LIMIT $2").bind(after.clone()).bind(at_once);
            page.take(&self.reading.run(read).await?.rows);
        }
        Ok(page.users())
    }

    async fn look_up(&self, text: &str, asked: &AccountQuery) -> Result<Vec<Account>, SearchError> {
        let pattern = format!("%{}%", literal(text));
        // Planned for this exact text: a generic plan would walk through all users, which is best only for common
        // texts.
        let conditions = self.conditions(asked, 4);
        let mut page = Page::after(&after(asked), asked.limit as usize);
        while let Some((after, at_once)) = page.next() {
            let find = || {
                let find = query(AssertSqlSafe(format!(
                    "SELECT {} FROM users WHERE search LIKE $1 AND id > $2{conditions} ORDER BY id LIMIT $3",
                    self.backend.columns()
                )));
                let find = find.persistent(false).bind(pattern.clone()).bind(after.clone()).bind(at_once);
                bind_conditions(find, asked)
            };
            let bound =
                || query("SELECT set_config('statement_timeout', $1, true)").bind(STATEMENT.as_millis().to_string());
            page.take(&self.searching.search(PATIENCE, || vec![bound(), find()]).await?.rows);
        }
        Ok(page.users())
    }

    async fn walk(&self, text: &str, asked: &AccountQuery) -> Result<Vec<Account>, SearchError> {
        let (begun, limit) = (Instant::now(), asked.limit as usize);
        let (mut found, mut passed) = (Vec::new(), after(asked));
        while let Some(end) = self.end_of_stretch(&passed).await? {
            let stretch = self.stretch(text, asked, (&passed, &end), limit - found.len()).await?;
            found.extend(stretch);
            if found.len() >= limit {
                break;
            }
            if begun.elapsed() > PATIENCE {
                return Err(SearchError::TooSlow);
            }
            passed = end;
        }
        Ok(found)
    }

    /// The last id of the stretch after an id; `None`: there is nobody after it.
    async fn end_of_stretch(&self, passed: &str) -> Result<Option<String>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {} AS id FROM (SELECT id FROM users WHERE id > $1 AND {} ORDER BY id LIMIT $2) AS stretch",
                self.backend.text("max(id)"),
                self.backend.has_text_for_id()
            )))
            .bind(passed.to_owned())
            .bind(STRETCH)
        };
        let answer = self.searching.run(read).await?;
        let end = answer.rows.first().and_then(|row| text(row, "id").ok());
        Ok(end.map(str::to_owned))
    }

    async fn stretch(
        &self,
        text: &str,
        asked: &AccountQuery,
        (passed, end): (&str, &str),
        limit: usize,
    ) -> Result<Vec<Account>, Unavailable> {
        // Every text contains the empty one.
        let contains = self.backend.contains("search", 3);
        let conditions = self.conditions(asked, 5);
        let mut page = Page::after(passed, limit);
        while let Some((after, at_once)) = page.next() {
            let read = || -> Statement {
                let read = query(AssertSqlSafe(format!(
                    "SELECT {} FROM users WHERE id > $1 AND id <= $2 AND {contains}{conditions} ORDER BY users.id LIMIT $4",
                    self.backend.columns()
                )));
                let read = read.bind(after.clone()).bind(end.to_owned()).bind(text.to_owned()).bind(at_once);
                bind_conditions(read, asked)
            };
            page.take(&self.searching.run(read).await?.rows);
        }
        Ok(page.users())
    }

    /// What else is asked of users, to be added to a condition. The first of its values is `$first`; they are bound by
    /// [`bind_conditions`].
    fn conditions(&self, asked: &AccountQuery, first: usize) -> String {
        let role = self.backend.contains("roles", first);
        let disabled = match asked.disabled {
            None => "",
            Some(true) => " AND disabled <> 0",
            Some(false) => " AND disabled = 0",
        };
        format!(" AND {role}{disabled} AND created_at >= ${} AND created_at < ${}", first + 1, first + 2)
    }
}

impl Backend {
    /// Whether a column contains the text `$parameter`.
    fn contains(self, column: &str, parameter: usize) -> String {
        match self {
            Self::Sqlite => format!("instr({column}, ${parameter}) > 0"),
            Self::Postgres => format!("strpos({column}, ${parameter}) > 0"),
        }
    }
}

fn has_conditions(asked: &AccountQuery) -> bool {
    asked.role.is_some() || asked.disabled.is_some() || asked.created_from.is_some() || asked.created_until.is_some()
}

fn bind_conditions(statement: Statement, asked: &AccountQuery) -> Statement {
    // Roles are kept as a list in JSON: the name in its quotes is that role, and no part of another one's name.
    let role = asked.role.as_deref().map(|role| to_json(&role)).unwrap_or_default();
    let statement = statement.bind(role).bind(asked.created_from.map_or(i64::MIN, Timestamp::millis));
    statement.bind(asked.created_until.map_or(i64::MAX, Timestamp::millis))
}

fn after(asked: &AccountQuery) -> String {
    asked.after.map(|id| id.to_string()).unwrap_or_default()
}

/// The pattern of LIKE that matches only this text.
fn literal(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_search_is_a_wildcard() {
        assert_eq!(literal(r"100%_\a"), r"100\%\_\\a");
    }
}
