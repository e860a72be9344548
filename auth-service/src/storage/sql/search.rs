//! Finds users by a part of their address or name.
//!
//! PostgreSQL answers for three characters or more from an index of trigrams, where it has one. Everything else is a
//! walk through all users in short stretches, and can end after each.

use super::{
    Sql, Statement,
    engine::backend::Backend,
    users::{Page, text},
};
use crate::domain::{
    Unavailable,
    accounts::{Account, AccountQuery, SearchError},
};
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
        let has_trigrams = self.backend == Backend::Postgres && text.chars().count() >= TRIGRAM;
        if has_trigrams && self.has_search_index().await? {
            self.look_up(text, asked).await
        } else {
            self.walk(text, asked).await
        }
    }

    async fn look_up(&self, text: &str, asked: &AccountQuery) -> Result<Vec<Account>, SearchError> {
        let pattern = format!("%{}%", literal(text));
        // Planned for this exact text: a generic plan would walk through all users, which is best only for common
        // texts.
        let mut page = Page::after(&after(asked), asked.limit as usize);
        while let Some((after, at_once)) = page.next() {
            let find = || {
                query(AssertSqlSafe(format!(
                    "SELECT {} FROM users WHERE search LIKE $1 AND id > $2 ORDER BY id LIMIT $3",
                    self.backend.columns()
                )))
                .persistent(false)
                .bind(pattern.clone())
                .bind(after.clone())
                .bind(at_once)
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
            let stretch = self.stretch(text, &passed, &end, limit - found.len()).await?;
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

    async fn stretch(&self, text: &str, passed: &str, end: &str, limit: usize) -> Result<Vec<Account>, Unavailable> {
        let contains = match self.backend {
            Backend::Sqlite => "instr(search, $3) > 0",
            Backend::Postgres => "strpos(search, $3) > 0",
        };
        let mut page = Page::after(passed, limit);
        while let Some((after, at_once)) = page.next() {
            let read = || -> Statement {
                query(AssertSqlSafe(format!(
                    "SELECT {} FROM users WHERE id > $1 AND id <= $2 AND {contains} ORDER BY users.id LIMIT $4",
                    self.backend.columns()
                )))
                .bind(after.clone())
                .bind(end.to_owned())
                .bind(text.to_owned())
                .bind(at_once)
            };
            page.take(&self.searching.run(read).await?.rows);
        }
        Ok(page.users())
    }
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
