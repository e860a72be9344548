//! Proofs. Each change that a code allows is one transaction, which spends the proof first: the statements after that apply
//! only if this attempt has spent it.

use super::{
    Sql, Statement, accounts, audit,
    engine::rows::{moment, parsed, unreadable, value},
    outbox,
};
use crate::domain::{
    Unavailable,
    accounts::{EmailAddress, Epoch, NewAccount},
    mail::SealedMail,
    passwords::PasswordHash,
    proofs::{MAX_TRIES, Proof, ProofStore, Purpose, Spending, Try},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{ProofId, UserId},
};
use sqlx::{AssertSqlSafe, any::AnyRow, query};

const COLUMNS: &str = "id, purpose, sub, address, epoch, payload, expires_at, tries";

#[async_trait]
impl ProofStore for Sql {
    async fn ask(&self, proof: &Proof, mail: &SealedMail, is_sent: bool, now: Timestamp) -> Result<(), Unavailable> {
        let insert = || {
            query(
                "INSERT INTO proofs (id, purpose, sub, address, epoch, payload, tries, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)
                 ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
            )
            .bind(proof.id.to_string())
            .bind(proof.purpose.name())
            .bind(proof.sub.map(|sub| sub.to_string()))
            .bind(proof.address.to_string())
            .bind(proof.epoch.0)
            .bind(proof.payload.clone())
            .bind(now.millis())
            .bind(proof.expires_at.millis())
        };
        self.durable.run_together(|| vec![insert(), outbox::insert_if(mail, is_sent)], Vec::new).await?;
        self.mail_arrivals.notify_one();
        Ok(())
    }

    async fn unspent(&self, id: ProofId, now: Timestamp) -> Result<Option<Proof>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM proofs WHERE id = $1 AND spent_by IS NULL AND expires_at > $2 AND tries < $3"
            )))
            .bind(id.to_string())
            .bind(now.millis())
            .bind(i64::from(MAX_TRIES))
        };
        self.reading.run(read).await?.rows.first().map(proof).transpose()
    }

    async fn unspent_of(&self, sub: UserId, purpose: Purpose, now: Timestamp) -> Result<Option<Proof>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM proofs
                 WHERE sub = $1 AND purpose = $2 AND spent_by IS NULL AND expires_at > $3 AND tries < $4
                 ORDER BY expires_at DESC LIMIT 1"
            )))
            .bind(sub.to_string())
            .bind(purpose.name())
            .bind(now.millis())
            .bind(i64::from(MAX_TRIES))
        };
        self.reading.run(read).await?.rows.first().map(proof).transpose()
    }

    async fn count_try(&self, id: ProofId, now: Timestamp) -> Result<Try, Unavailable> {
        let count = || {
            query(AssertSqlSafe(format!(
                "UPDATE proofs SET tries = tries + 1
                 WHERE id = $1 AND spent_by IS NULL AND expires_at > $2 AND tries < $3 RETURNING {COLUMNS}"
            )))
            .bind(id.to_string())
            .bind(now.millis())
            .bind(i64::from(MAX_TRIES))
        };
        if let Some(row) = self.durable.run(count).await?.rows.first() {
            let tries = u32::try_from(value::<i64>(row, "tries")?).map_err(|_| unreadable("tries"))?;
            return Ok(Try::Counted { proof: proof(row)?, left: MAX_TRIES.saturating_sub(tries) });
        }
        let look = || {
            query("SELECT 1 AS one FROM proofs WHERE id = $1 AND (spent_by IS NOT NULL OR expires_at > $2)")
                .bind(id.to_string())
                .bind(now.millis())
        };
        let is_spent = !self.reading.run(look).await?.rows.is_empty();
        Ok(if is_spent { Try::Spent } else { Try::Expired })
    }

    async fn take_back_try(&self, id: ProofId) -> Result<(), Unavailable> {
        let update = || query("UPDATE proofs SET tries = tries - 1 WHERE id = $1 AND tries > 0").bind(id.to_string());
        self.durable.run(update).await.map(drop)
    }

    async fn register(&self, spending: &Spending<'_>, account: &NewAccount) -> Result<bool, Unavailable> {
        let statements = || {
            let spend = query(
                "UPDATE proofs SET spent_by = $2 WHERE id = $1 AND spent_by IS NULL AND expires_at > $3
                 AND NOT EXISTS (SELECT 1 FROM users WHERE email = $4)",
            )
            .bind(spending.proof.id.to_string())
            .bind(spending.attempt.to_string())
            .bind(spending.now.millis())
            .bind(spending.proof.address.to_string());
            vec![spend, bound(accounts::insert(account, &spent(accounts::NEXT_PLACE)), spending)]
        };
        Ok(self.durable.run_together(statements, || records(spending)).await?.written > 0)
    }

    async fn reset_password(&self, spending: &Spending<'_>, hash: &PasswordHash) -> Result<bool, Unavailable> {
        let Some(sub) = spending.proof.sub else { return Ok(false) };
        let update = || {
            let update = query(AssertSqlSafe(format!(
                "UPDATE users SET password_hash = $2, kept_sid = NULL, email_verified_at = $3,
                 session_epoch = CASE WHEN session_epoch >= $3 THEN session_epoch + 1 ELSE $3 END
                 WHERE id = $1 AND {}",
                spent(4)
            )));
            bound(update.bind(sub.to_string()).bind(hash.0.clone()).bind(spending.now.millis()), spending)
        };
        self.spend(spending, sub, update).await
    }

    async fn verify_address(&self, spending: &Spending<'_>) -> Result<bool, Unavailable> {
        let Some(sub) = spending.proof.sub else { return Ok(false) };
        let update = || {
            let update = format!("UPDATE users SET email_verified_at = $2 WHERE id = $1 AND {}", spent(3));
            let update = query(AssertSqlSafe(update)).bind(sub.to_string()).bind(spending.now.millis());
            bound(update, spending)
        };
        self.spend(spending, sub, update).await
    }

    async fn forget_proofs(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query(
                "DELETE FROM proofs WHERE id IN
                 (SELECT id FROM proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            )
            .bind(before.millis())
            .bind(i64::from(at_most))
        };
        Ok(self.durable.run(delete).await?.written)
    }
}

impl Sql {
    /// Spends a proof, if its user is enabled and has the address and the epoch of then, and makes the change that it
    /// allows; with the event and the notice, in one transaction.
    async fn spend(
        &self,
        spending: &Spending<'_>,
        sub: UserId,
        update: impl Fn() -> Statement,
    ) -> Result<bool, Unavailable> {
        let statements = || {
            let spend = query(
                "UPDATE proofs SET spent_by = $2 WHERE id = $1 AND spent_by IS NULL AND expires_at > $3
                 AND EXISTS (SELECT 1 FROM users WHERE users.id = $4 AND email = $5 AND session_epoch = $6 AND disabled = 0)",
            )
            .bind(spending.proof.id.to_string())
            .bind(spending.attempt.to_string())
            .bind(spending.now.millis())
            .bind(sub.to_string())
            .bind(spending.proof.address.to_string())
            .bind(spending.proof.epoch.0);
            let lock = self.backend.lock_of_user().map(|lock| query(lock).bind(sub.to_string()));
            lock.into_iter().chain([spend, update()]).collect()
        };
        let changed = self.durable.run_together(statements, || records(spending)).await?.written > 0;
        if !spending.mails.is_empty() {
            self.mail_arrivals.notify_one();
        }
        Ok(changed)
    }
}

/// What is written beside the change, if it was made.
fn records(spending: &Spending<'_>) -> Vec<Statement> {
    spending.mails.iter().map(outbox::insert).chain([audit::insert(spending.event)]).collect()
}

/// The condition that an attempt has spent its proof; the first value is `$first`.
fn spent(first: usize) -> String {
    let (id, attempt) = (first, first + 1);
    format!("EXISTS (SELECT 1 FROM proofs WHERE proofs.id = ${id} AND proofs.spent_by = ${attempt})")
}

fn bound(statement: Statement, spending: &Spending<'_>) -> Statement {
    statement.bind(spending.proof.id.to_string()).bind(spending.attempt.to_string())
}

fn proof(row: &AnyRow) -> Result<Proof, Unavailable> {
    Ok(Proof {
        id: parsed(row, "id")?,
        purpose: parsed(row, "purpose")?,
        sub: value::<Option<&str>>(row, "sub")?.map(str::parse).transpose().map_err(|_| unreadable("sub"))?,
        address: EmailAddress::parse(value(row, "address")?).map_err(|_| unreadable("address"))?,
        epoch: Epoch(value(row, "epoch")?),
        payload: value(row, "payload")?,
        expires_at: moment(row, "expires_at")?,
    })
}
