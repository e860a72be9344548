//! Finds users by a part of their address or name.
//!
//! PostgreSQL answers for three characters or more from an index of trigrams, where it has one. Everything else is a walk
//! through all users, in stretches: none is long, and between two of them the walk can end.

use super::{
    Sql, Statement,
    accounts::{COLUMNS, account},
    backend::Backend,
    rows::{parsed, value},
};
use crate::domain::{
    Unavailable,
    account::{Account, AccountQuery, SearchError},
};
use shared::ids::UserId;
use sqlx::{AssertSqlSafe, query};
use std::time::{Duration, Instant};

/// How long an admin waits at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the database itself ends. A little sooner, so that it says so.
const STATEMENT: Duration = Duration::from_millis(4500);

/// How many users one stretch of a walk passes: some ten milliseconds.
const STRETCH: i64 = 20_000;

/// From so many characters on, trigrams help.
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
        // Planned for this very text: a plan for any would walk through all users, which is best for common ones.
        let find = || {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM users WHERE search LIKE $1 AND id > $2 ORDER BY id LIMIT $3"
            )))
            .persistent(false)
            .bind(pattern.clone())
            .bind(after(asked))
            .bind(i64::from(asked.limit))
        };
        let bound =
            || query("SELECT set_config('statement_timeout', $1, true)").bind(STATEMENT.as_millis().to_string());
        let statements = || vec![bound(), find()];
        let answer = self.searching.search(PATIENCE, statements).await?;
        Ok(answer.rows.iter().map(account).collect::<Result<_, _>>()?)
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
            query("SELECT max(id) AS id FROM (SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2) AS stretch")
                .bind(passed.to_owned())
                .bind(STRETCH)
        };
        let answer = self.searching.run(read).await?;
        let Some(row) = answer.rows.first() else { return Ok(None) };
        if value::<Option<&str>>(row, "id")?.is_none() {
            return Ok(None);
        }
        parsed::<UserId>(row, "id").map(|id| Some(id.to_string()))
    }

    async fn stretch(&self, text: &str, passed: &str, end: &str, limit: usize) -> Result<Vec<Account>, Unavailable> {
        let contains = match self.backend {
            Backend::Sqlite => "instr(search, $3) > 0",
            Backend::Postgres => "strpos(search, $3) > 0",
        };
        let read = || -> Statement {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM users WHERE id > $1 AND id <= $2 AND {contains} ORDER BY id LIMIT $4"
            )))
            .bind(passed.to_owned())
            .bind(end.to_owned())
            .bind(text.to_owned())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        };
        self.searching.run(read).await?.rows.iter().map(account).collect()
    }
}

fn after(asked: &AccountQuery) -> String {
    asked.after.map(|id| id.to_string()).unwrap_or_default()
}

/// What matches nothing but itself in LIKE.
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
