//! Users: each call is one statement.

use super::{
    Sql, Statement,
    engine::{
        connections::Answer,
        rows::{moment, to_json, unreadable},
    },
    factors, outbox, probe,
    users::{Page, account, credentials, hash},
};
use crate::domain::{
    Language, Unavailable,
    accounts::{
        Account, AccountChange, AccountQuery, Accounts, Checked, CreateError, Credentials, EmailAddress, FindError,
        NewAccount, PersonName, SearchError, Seen,
    },
    mail::SealedMail,
    passwords::PasswordHash,
};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::UserId};
use sqlx::{AssertSqlSafe, query};

#[async_trait]
impl Accounts for Sql {
    async fn create(&self, account: &NewAccount) -> Result<(), CreateError> {
        let by = account.by.as_slice();
        let insert = || bind_seen(insert(account, &stand(by, NEXT_PLACE)), by);
        let created = if by.is_empty() { self.durable.run(insert).await } else { self.run_in_turn(insert, &[]).await };
        if created?.written > 0 {
            return Ok(());
        }
        // If no admin is involved, only a taken address can be the reason.
        let is_taken = by.is_empty() || self.is_taken(&account.email).await?;
        Err(if is_taken { CreateError::EmailTaken } else { CreateError::Outdated })
    }

    async fn by_email(&self, email: &EmailAddress) -> Result<Option<Credentials>, FindError> {
        self.find(|| self.select("WHERE email = $1").bind(email.to_string())).await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<Credentials>, FindError> {
        self.find(|| self.select("WHERE id = $1").bind(id.to_string())).await
    }

    async fn is_taken(&self, email: &EmailAddress) -> Result<bool, Unavailable> {
        let read = || {
            self.timed(
                "SELECT 1 AS one FROM users WHERE email = $2 UNION ALL
                 SELECT 1 AS one FROM proofs WHERE purpose = 'undo_email' AND address = $2 AND spent_by IS NULL
                     AND expires_at > :now",
            )
            .bind(email.to_string())
        };
        Ok(!self.reading.run(read).await?.rows.is_empty())
    }

    async fn rehash(&self, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, Unavailable> {
        let update = || {
            query("UPDATE users SET password_hash = $3 WHERE id = $1 AND CAST(password_hash AS TEXT) = $2")
                .bind(id.to_string())
                .bind(old.0.clone())
                .bind(new.0.clone())
        };
        Ok(self.durable.run(update).await?.written > 0)
    }

    async fn change_password(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        new: &PasswordHash,
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable> {
        let update = || {
            let update = query(AssertSqlSafe(format!(
                "UPDATE users SET password_hash = $2, kept_sid = $3,
                 session_epoch = CASE WHEN session_epoch >= $4 THEN session_epoch + 1 ELSE $4 END
                 WHERE id = $1{}",
                as_checked(5)
            )));
            let update = update.bind(id.to_string()).bind(new.0.clone()).bind(checked.session.to_string());
            bind_checked(update.bind(now.millis()), Some(checked))
        };
        Ok(self.run_with_mails(update, mails).await?.written > 0)
    }

    async fn remove_password(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable> {
        let update = || {
            let update = query(AssertSqlSafe(format!(
                "UPDATE users SET password_hash = $2, kept_sid = $3,
                 session_epoch = CASE WHEN session_epoch >= $4 THEN session_epoch + 1 ELSE $4 END
                 WHERE id = $1{} AND EXISTS (SELECT 1 FROM passkeys WHERE sub = $1)
                 AND (SELECT count(*) FROM passkeys WHERE sub = $1)
                 + (SELECT count(*) FROM recovery_codes WHERE sub = $1 AND used_at IS NULL) > 1",
                as_checked(5)
            )));
            let update = update.bind(id.to_string()).bind(PasswordHash::NONE).bind(checked.session.to_string());
            bind_checked(update.bind(now.millis()), Some(checked))
        };
        // In turn with the removal of a passkey: each must see whether the other has left a way in.
        let statements = || self.turn_of(id).chain([update()]).collect();
        Ok(self.run_together_with_mails(statements, mails).await?.written > 0)
    }

    async fn set_password(
        &self,
        id: UserId,
        new: &PasswordHash,
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable> {
        let update = || {
            query(
                "UPDATE users SET password_hash = $2, kept_sid = NULL,
                 session_epoch = CASE WHEN session_epoch >= $3 THEN session_epoch + 1 ELSE $3 END
                 WHERE id = $1",
            )
            .bind(id.to_string())
            .bind(new.0.clone())
            .bind(now.millis())
        };
        Ok(self.run_with_mails(update, mails).await?.written > 0)
    }

    async fn remove_second_email(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable> {
        let update = || {
            let update = format!("UPDATE users SET second_email = NULL WHERE id = $1{}", as_checked(2));
            bind_checked(query(AssertSqlSafe(update)).bind(id.to_string()), Some(checked))
        };
        Ok(self.run_with_mails(update, mails).await?.written > 0)
    }

    async fn page(&self, asked: &AccountQuery) -> Result<Vec<Account>, SearchError> {
        let text = asked.search.as_deref().unwrap_or_default();
        let role = asked.role.as_deref().unwrap_or_default();
        // No address, name or role contains NUL, and PostgreSQL does not accept it.
        if text.contains('\0') || role.contains('\0') {
            return Ok(Vec::new());
        }
        self.search(&text.to_lowercase(), asked).await
    }

    async fn make_indexes(&self) -> Result<(), Unavailable> {
        self.make_slow_indexes().await
    }

    async fn update(
        &self,
        id: UserId,
        change: &AccountChange,
        seen: &[Seen],
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<Option<Account>, Unavailable> {
        let update = || {
            let update = query(AssertSqlSafe(format!(
                "UPDATE users SET roles = coalesce($2, roles), custom = coalesce($3, custom),
                 disabled = coalesce($4, disabled), revision = revision + 1,
                 kept_sid = CASE WHEN $4 = 1 THEN NULL ELSE kept_sid END,
                 session_epoch = CASE WHEN $4 = 1
                     THEN CASE WHEN session_epoch >= $5 THEN session_epoch + 1 ELSE $5 END
                     ELSE session_epoch END
                 WHERE id = $1 AND {} RETURNING {}",
                stand(seen, 6),
                self.backend.columns()
            )))
            .bind(id.to_string())
            .bind(change.roles.as_ref().map(to_json))
            .bind(change.custom.as_ref().map(to_json))
            .bind(change.disabled.map(i64::from))
            .bind(now.millis());
            bind_seen(update, seen)
        };
        Ok(self.run_in_turn(update, mails).await?.rows.first().map(account).transpose()?)
    }

    async fn unlock(&self, id: UserId) -> Result<bool, Unavailable> {
        let update = || query("UPDATE users SET unlocks = unlocks + 1 WHERE id = $1").bind(id.to_string());
        Ok(self.durable.run(update).await?.written > 0)
    }

    async fn delete(
        &self,
        id: UserId,
        seen: &[Seen],
        checked: Option<&Checked<'_>>,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable> {
        let delete = || {
            let if_checked = checked.map(|_| as_checked(2 + 2 * seen.len())).unwrap_or_default();
            let delete = format!("DELETE FROM users WHERE id = $1 AND {}{if_checked}", stand(seen, 2));
            bind_checked(bind_seen(query(AssertSqlSafe(delete)).bind(id.to_string()), seen), checked)
        };
        let statements = || self.in_turn(delete());
        let then = || factors::delete_all(id).chain(mails.iter().map(outbox::insert)).collect();
        Ok(self.run_and_send(statements, then, mails).await?.written > 0)
    }

    async fn another_enabled(
        &self,
        than: UserId,
        is_wanted: &(dyn for<'a> Fn(&'a [String]) -> bool + Send + Sync),
    ) -> Result<Option<Account>, Unavailable> {
        for list in self.role_lists().await?.iter().filter(|list| is_wanted(&list.roles)) {
            let mut page = Page::after("", 1);
            while let Some((after, at_once)) = page.next() {
                let read = || {
                    self.select("WHERE roles = $1 AND disabled = 0 AND id <> $2 AND id > $3 ORDER BY users.id LIMIT $4")
                        .bind(list.written.clone())
                        .bind(than.to_string())
                        .bind(after.clone())
                        .bind(at_once)
                };
                page.take(&self.reading.run(read).await?.rows);
            }
            if let Some(user) = page.users().pop() {
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    async fn has_any_with_role(&self, role: &str) -> Result<bool, Unavailable> {
        Ok(self.role_lists().await?.iter().flat_map(|list| &list.roles).any(|held| held == role))
    }

    async fn odd_hashes(&self, at_most: u32) -> Result<Vec<PasswordHash>, Unavailable> {
        // To the letter the condition of the index `users_of_odd_hashes`.
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {} AS password_hash FROM users
                 WHERE substr(password_hash, 1, 31) <> '$argon2id$v=19$m=19456,t=2,p=1$' LIMIT $1",
                self.backend.text("password_hash")
            )))
            .bind(i64::from(at_most))
        };
        Ok(self.reading.run(read).await?.rows.iter().map(hash).collect())
    }

    async fn holders(&self) -> Result<Vec<(Vec<String>, u64)>, Unavailable> {
        let lists = self.role_lists().await?;
        Ok(lists.into_iter().map(|list| (list.roles, list.holders)).collect())
    }

    async fn probe(&self) -> Result<(), Unavailable> {
        self.try_out(probe::ACCOUNTS).await
    }

    async fn clock(&self) -> Result<Timestamp, Unavailable> {
        let answer = self.reading.run(|| self.timed("SELECT :now AS now")).await?;
        moment(answer.rows.first().ok_or_else(|| unreadable("now"))?, "now")
    }
}

impl Sql {
    async fn find(&self, read: impl Fn() -> Statement) -> Result<Option<Credentials>, FindError> {
        Ok(self.reading.run(read).await?.rows.first().map(credentials).transpose()?)
    }

    pub(super) fn select(&self, which: &str) -> Statement {
        query(AssertSqlSafe(format!("SELECT {} FROM users {which}", self.backend.columns())))
    }

    /// Runs a statement after all others that run this way have ended, so that none is decided on data that another is
    /// about to change. Mails are added as by [`Sql::run_with_mails`].
    async fn run_in_turn(
        &self,
        statement: impl Fn() -> Statement,
        mails: &[SealedMail],
    ) -> Result<Answer, Unavailable> {
        self.run_together_with_mails(|| self.in_turn(statement()), mails).await
    }

    fn in_turn(&self, statement: Statement) -> Vec<Statement> {
        self.backend.one_after_the_other().map(query).into_iter().chain([statement]).collect()
    }
}

/// Whether a user may still give an account the address `$2` back at the time `$9`: until then nobody else gets it.
const RESERVED: &str = "EXISTS (SELECT 1 FROM proofs AS reserving WHERE reserving.purpose = 'undo_email'
     AND reserving.address = $2 AND reserving.spent_by IS NULL AND reserving.expires_at > $9)";

/// The first free place for a value of the condition of [`insert`].
pub(super) const NEXT_PLACE: usize = 12;

/// The epoch of a new user: when it is created, and none that verifiers take for ended.
const FIRST_EPOCH: &str = "(SELECT max(epoch) FROM (SELECT $8 AS epoch UNION ALL
     SELECT epoch FROM endings WHERE kind = 'all' UNION ALL
     SELECT epoch FROM endings WHERE kind = 'user' AND name = $1) AS ended)";

/// Adds a user, if a condition holds and nobody has the address.
pub(super) fn insert(account: &NewAccount, condition: &str) -> Statement {
    query(AssertSqlSafe(format!(
        "INSERT INTO users
         (id, email, name, search, password_hash, roles, custom, disabled, session_epoch, created_at, email_verified_at,
         language)
         SELECT $1, $2, $3, $4, $5, $6, $7, 0, {FIRST_EPOCH}, $9, $10, $11 WHERE {condition} AND NOT {RESERVED}
         ON CONFLICT (email) DO NOTHING"
    )))
    .bind(account.id.to_string())
    .bind(account.email.to_string())
    .bind(account.name.as_ref().map(|name| name.as_str().to_owned()))
    .bind(searchable(&account.email, account.name.as_ref()))
    .bind(account.hash.0.clone())
    .bind(to_json(&account.roles))
    .bind(to_json(&account.custom))
    .bind(account.created_at.millis())
    .bind(account.created_at.millis())
    .bind(account.email_verified_at.map(Timestamp::millis))
    .bind(account.language.map(Language::code))
}

/// The condition that these users are still as they were seen; the first value is `$first`.
pub(super) fn stand(seen: &[Seen], first: usize) -> String {
    let stands = |index: usize| {
        let (id, revision) = (first + 2 * index, first + 2 * index + 1);
        format!(" AND EXISTS (SELECT 1 FROM users WHERE id = ${id} AND revision = ${revision})")
    };
    std::iter::once("1 = 1".to_owned()).chain((0..seen.len()).map(stands)).collect()
}

pub(super) fn bind_seen(statement: Statement, seen: &[Seen]) -> Statement {
    seen.iter().fold(statement, |statement, seen| statement.bind(seen.id.to_string()).bind(seen.revision))
}

/// The condition that the user with the id `$1` is still as checked; the first value is `$first`.
fn as_checked(first: usize) -> String {
    let (hash, epoch, session) = (first, first + 1, first + 2);
    format!(
        " AND CAST(password_hash AS TEXT) = ${hash} AND session_epoch = ${epoch} AND disabled = 0
          AND NOT EXISTS (SELECT 1 FROM ended_sessions WHERE sub = $1 AND sid = ${session})"
    )
}

fn bind_checked(statement: Statement, checked: Option<&Checked<'_>>) -> Statement {
    checked.into_iter().fold(statement, |statement, checked| {
        statement.bind(checked.hash.0.clone()).bind(checked.epoch.0).bind(checked.session.to_string())
    })
}

/// What searches look at. Rust's lower case covers every script, the databases' only some.
pub(super) fn searchable(email: &EmailAddress, name: Option<&PersonName>) -> String {
    format!("{email}\n{}", name.map_or("", PersonName::as_str)).to_lowercase()
}
