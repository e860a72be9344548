//! The outbox of mails.

use super::{
    Sql, Statement,
    engine::{
        backend::Backend,
        connections::Answer,
        rows::{moment, parsed, unreadable, value},
    },
};
use crate::domain::{
    Language, Unavailable,
    accounts::EmailAddress,
    mail::{Leased, Listed, MailKind, Outbox, Outcome, SealedMail, Waiting},
};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::MailId, seldom::Seldom};
use sqlx::{AssertSqlSafe, any::AnyRow, query};
use std::time::Duration;
use tokio::sync::Notify;

/// How long settling may take: a worker waits for it, not a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which rows were reported lately.
static SAID: Seldom = Seldom::new();

const COLUMNS: &str = "id, kind, address, language, content, created_at, expires_at";

#[async_trait]
impl Outbox for Sql {
    async fn enqueue(&self, mail: &SealedMail) -> Result<(), Unavailable> {
        self.durable.run(|| insert(mail)).await?;
        self.mail_arrivals.notify_one();
        Ok(())
    }

    async fn lease(&self, at_most: u32, lease: Duration) -> Result<Vec<Leased>, Unavailable> {
        // Replicas skip what others are leasing. SQLite has one writer at a time.
        let skipping = match self.backend {
            Backend::Sqlite => "",
            Backend::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let update = || {
            self.timed(&format!(
                "UPDATE mail_outbox SET not_before = :now + $2, attempts = attempts + 1 WHERE id IN
                 (SELECT id FROM mail_outbox WHERE settled_at IS NULL AND not_before <= :now AND {}
                  ORDER BY not_before, id LIMIT $3 {skipping})
                 RETURNING {COLUMNS}, attempts",
                known_kinds()
            ))
            .bind(millis(lease))
            .bind(i64::from(at_most))
        };
        let answer = self.durable.run(update).await?;
        let mut mails: Vec<Leased> = answer.rows.iter().filter_map(readable).collect();
        mails.sort_by_key(|leased| leased.mail.id);
        Ok(mails)
    }

    async fn delivered(&self, id: MailId) -> Result<(), Unavailable> {
        let delete = || query("DELETE FROM mail_outbox WHERE id = $1").bind(id.to_string());
        self.durable.run_within(PATIENCE, delete).await.map(drop)
    }

    async fn put_off(&self, leased: &Leased, delay: Duration, error: Option<&str>) -> Result<(), Unavailable> {
        let update = || {
            self.timed(
                "UPDATE mail_outbox SET not_before = :now + $2, last_error = coalesce($3, last_error)
                 WHERE id = $4 AND attempts = $5 AND settled_at IS NULL",
            )
            .bind(millis(delay))
            .bind(error.map(str::to_owned))
            .bind(leased.mail.id.to_string())
            .bind(i64::from(leased.attempts))
        };
        self.durable.run_within(PATIENCE, update).await.map(drop)
    }

    async fn settle(&self, leased: &Leased, outcome: Outcome, error: Option<&str>) -> Result<(), Unavailable> {
        let update = || {
            self.timed(
                "UPDATE mail_outbox SET settled_at = :now, outcome = $2, last_error = $3, content = coalesce($4, content)
                 WHERE id = $5 AND attempts = $6 AND settled_at IS NULL",
            )
            .bind(outcome.name())
            .bind(error.map(str::to_owned))
            .bind((outcome != Outcome::Kept).then(Vec::new))
            .bind(leased.mail.id.to_string())
            .bind(i64::from(leased.attempts))
        };
        self.durable.run_within(PATIENCE, update).await.map(drop)
    }

    async fn waiting(&self) -> Result<Waiting, Unavailable> {
        let read = || {
            self.timed(
                "SELECT count(*) AS mails, coalesce(:now - min(created_at), 0) AS oldest
                 FROM mail_outbox WHERE settled_at IS NULL",
            )
        };
        let answer = self.reading.run(read).await?;
        let row = answer.rows.first().ok_or_else(|| unreadable("mails"))?;
        let number = |column| value::<i64>(row, column).map(|number| u64::try_from(number).unwrap_or(0));
        Ok(Waiting { mails: number("mails")?, oldest: Duration::from_millis(number("oldest")?) })
    }

    async fn listed(&self, at_most: u32) -> Result<Vec<Listed>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT id, kind, address, created_at, outcome, attempts, last_error
                 FROM mail_outbox WHERE {} ORDER BY id DESC LIMIT $1",
                known_kinds()
            )))
            .bind(i64::from(at_most))
        };
        Ok(self.reading.run(read).await?.rows.iter().filter_map(|row| listed(row).ok()).collect())
    }

    async fn mailbox(&self, at_most: u32) -> Result<Vec<SealedMail>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM mail_outbox WHERE outcome = 'kept' AND {} ORDER BY id DESC LIMIT $1",
                known_kinds()
            )))
            .bind(i64::from(at_most))
        };
        Ok(self.reading.run(read).await?.rows.iter().filter_map(|row| mail(row).ok()).collect())
    }

    async fn in_mailbox(&self, id: MailId) -> Result<Option<SealedMail>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM mail_outbox WHERE id = $1 AND outcome = 'kept' AND {}",
                known_kinds()
            )))
            .bind(id.to_string())
        };
        self.reading.run(read).await?.rows.first().map(mail).transpose()
    }

    async fn forget_settled(&self, before: Timestamp, kept: u32, at_most: u32) -> Result<u64, Unavailable> {
        let old = || {
            query(
                "DELETE FROM mail_outbox WHERE id IN
                 (SELECT id FROM mail_outbox WHERE settled_at < $1 ORDER BY settled_at LIMIT $2)",
            )
            .bind(before.millis())
            .bind(i64::from(at_most))
        };
        let too_many = || {
            query(
                "DELETE FROM mail_outbox WHERE id IN
                 (SELECT id FROM mail_outbox WHERE outcome = 'kept' AND settled_at IS NOT NULL
                  ORDER BY id DESC LIMIT $2 OFFSET $1)",
            )
            .bind(i64::from(kept))
            .bind(i64::from(at_most))
        };
        Ok(self.durable.run(old).await?.written + self.durable.run(too_many).await?.written)
    }

    fn arrivals(&self) -> &Notify {
        &self.mail_arrivals
    }
}

impl Sql {
    /// Makes a change and, if it changes anything, adds mails to the outbox in the same transaction.
    pub(super) async fn run_with_mails(
        &self,
        change: impl Fn() -> Statement,
        mails: &[SealedMail],
    ) -> Result<Answer, Unavailable> {
        match mails {
            [] => self.durable.run(change).await,
            mails => self.run_together_with_mails(|| vec![change()], mails).await,
        }
    }

    /// As [`Sql::run_with_mails`], for several statements of which the last one decides.
    pub(super) async fn run_together_with_mails(
        &self,
        statements: impl Fn() -> Vec<Statement>,
        mails: &[SealedMail],
    ) -> Result<Answer, Unavailable> {
        self.run_and_send(statements, || mails.iter().map(insert).collect(), mails).await
    }

    /// As [`Sql::run_together_with_mails`], where `then` adds the mails, among others.
    pub(super) async fn run_and_send(
        &self,
        statements: impl Fn() -> Vec<Statement>,
        then: impl Fn() -> Vec<Statement>,
        mails: &[SealedMail],
    ) -> Result<Answer, Unavailable> {
        let answer = self.durable.run_together(statements, then).await?;
        if !mails.is_empty() {
            self.mail_arrivals.notify_one();
        }
        Ok(answer)
    }
}

/// Adds a row, alone or in the transaction of what the mail is about. It is due at once, before all that were put off.
pub(super) fn insert(mail: &SealedMail) -> Statement {
    insert_if(mail, true)
}

/// As [`insert`], if it is to be sent; otherwise it adds nothing, and takes as long.
pub(super) fn insert_if(mail: &SealedMail, is_sent: bool) -> Statement {
    let condition = if is_sent { "1 = 1" } else { "1 = 0" };
    query(AssertSqlSafe(format!(
        "INSERT INTO mail_outbox (id, kind, address, language, content, created_at, expires_at, not_before, attempts)
         SELECT $1, $2, $3, $4, $5, $6, $7, 0, 0 WHERE {condition}"
    )))
    .bind(mail.id.to_string())
    .bind(mail.kind.name())
    .bind(mail.to.to_string())
    .bind(mail.language.code())
    .bind(mail.sealed.clone())
    .bind(mail.created_at.millis())
    .bind(mail.expires_at.millis())
}

/// Leaves out kinds that only a later version knows.
fn known_kinds() -> String {
    let names: Vec<String> = MailKind::ALL.iter().map(|kind| format!("'{kind}'")).collect();
    format!("kind IN ({})", names.join(", "))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Nothing but the row itself: another program has written it, and others wait.
fn readable(row: &AnyRow) -> Option<Leased> {
    let read = leased(row);
    if let Err(error) = &read
        && SAID.is_due("outbox")
    {
        tracing::warn!(%error, "a row of mail_outbox cannot be read, and its mail is not sent: delete the row");
    }
    read.ok()
}

fn leased(row: &AnyRow) -> Result<Leased, Unavailable> {
    Ok(Leased { mail: mail(row)?, attempts: attempts(row)? })
}

fn mail(row: &AnyRow) -> Result<SealedMail, Unavailable> {
    Ok(SealedMail {
        id: parsed(row, "id")?,
        kind: parsed(row, "kind")?,
        to: address(row)?,
        language: Language::of_tag(value(row, "language")?).unwrap_or(Language::English),
        created_at: moment(row, "created_at")?,
        expires_at: moment(row, "expires_at")?,
        sealed: value(row, "content")?,
    })
}

fn listed(row: &AnyRow) -> Result<Listed, Unavailable> {
    let outcome = value::<Option<&str>>(row, "outcome")?;
    Ok(Listed {
        id: parsed(row, "id")?,
        kind: parsed(row, "kind")?,
        to: address(row)?,
        created_at: moment(row, "created_at")?,
        outcome: outcome.map(str::parse).transpose().map_err(|_| unreadable("outcome"))?,
        attempts: attempts(row)?,
        last_error: value(row, "last_error")?,
    })
}

fn address(row: &AnyRow) -> Result<EmailAddress, Unavailable> {
    EmailAddress::parse(value(row, "address")?).map_err(|_| unreadable("address"))
}

fn attempts(row: &AnyRow) -> Result<u32, Unavailable> {
    u32::try_from(value::<i64>(row, "attempts")?).map_err(|_| unreadable("attempts"))
}
