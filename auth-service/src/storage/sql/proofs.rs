//! Proofs. Each change that a code allows is one transaction, which spends the proof first: the statements after that apply
//! only if this attempt has spent it.

use super::{
    Sql, Statement, accounts, audit,
    engine::rows::{moment, parsed, unreadable, value},
    factors, outbox,
};
use crate::domain::{
    Unavailable,
    accounts::{Account, EmailAddress, Epoch, NewAccount},
    audit::Event,
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

/// The condition of [`spend`] that a user (`$4`) is enabled, and has the address (`$5`) and the epoch (`$6`) of then.
const AS_ASKED: &str =
    "EXISTS (SELECT 1 FROM users WHERE users.id = $4 AND email = $5 AND session_epoch = $6 AND disabled = 0)";

#[async_trait]
impl ProofStore for Sql {
    async fn ask(&self, proof: &Proof, mail: &SealedMail, is_sent: bool, now: Timestamp) -> Result<(), Unavailable> {
        let insert = || insert(proof, now, "1 = 1");
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
            let by = account.by.as_slice();
            let condition = format!("NOT EXISTS (SELECT 1 FROM users WHERE email = $4) AND {}", accounts::stand(by, 5));
            let spend = accounts::bind_seen(spend(spending, &condition).bind(spending.proof.address.to_string()), by);
            // What an admin decided on is not changed meanwhile.
            let turn = self.backend.one_after_the_other().filter(|_| !by.is_empty()).map(query);
            let insert = bound(accounts::insert(account, &spent(accounts::NEXT_PLACE)), spending);
            turn.into_iter().chain([spend, insert]).collect()
        };
        self.spend(spending, statements).await
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
        self.change(spending, sub, || without_unverified_factors(spending, sub).chain([update()]).collect()).await
    }

    async fn verify_address(&self, spending: &Spending<'_>) -> Result<bool, Unavailable> {
        let Some(sub) = spending.proof.sub else { return Ok(false) };
        let update = || {
            let update = format!("UPDATE users SET email_verified_at = $2 WHERE id = $1 AND {}", spent(3));
            let update = query(AssertSqlSafe(update)).bind(sub.to_string()).bind(spending.now.millis());
            bound(update, spending)
        };
        self.change(spending, sub, || vec![update()]).await
    }

    async fn log_in(&self, spending: &Spending<'_>) -> Result<bool, Unavailable> {
        let Some(sub) = spending.proof.sub else { return Ok(false) };
        let update = || {
            let update = format!(
                "UPDATE users SET email_verified_at = $2,
                 password_hash = CASE WHEN email_verified_at IS NULL THEN $3 ELSE password_hash END,
                 kept_sid = CASE WHEN email_verified_at IS NULL THEN NULL ELSE kept_sid END,
                 session_epoch = CASE WHEN email_verified_at IS NOT NULL THEN session_epoch
                     WHEN session_epoch >= $2 THEN session_epoch + 1 ELSE $2 END
                 WHERE id = $1 AND {}",
                spent(4)
            );
            let update = query(AssertSqlSafe(update)).bind(sub.to_string()).bind(spending.now.millis());
            bound(update.bind(PasswordHash::NONE), spending)
        };
        self.change(spending, sub, || without_unverified_factors(spending, sub).chain([update()]).collect()).await
    }

    async fn change_address(&self, spending: &Spending<'_>, user: &Account, undo: &Proof) -> Result<bool, Unavailable> {
        let Spending { proof, now, .. } = *spending;
        let statements = || {
            let condition = format!(
                "{AS_ASKED} AND NOT EXISTS (SELECT 1 FROM users WHERE email = $7)
                 AND NOT EXISTS (SELECT 1 FROM proofs AS other WHERE other.purpose = 'undo_email' AND other.address = $7
                     AND other.sub <> $4 AND other.spent_by IS NULL AND other.expires_at > $3)"
            );
            let spend = spend(spending, &condition)
                .bind(user.id.to_string())
                .bind(user.email.to_string())
                .bind(proof.epoch.0)
                .bind(proof.address.to_string());
            let others = format!(
                "UPDATE proofs SET spent_by = $2 WHERE sub = $1 AND purpose = $3 AND spent_by IS NULL AND {}",
                spent(4)
            );
            let others = query(AssertSqlSafe(others))
                .bind(user.id.to_string())
                .bind(spending.attempt.to_string())
                .bind(Purpose::ChangeEmail.name());
            let update = format!(
                "UPDATE users SET email = $2, search = $3, email_verified_at = $4,
                 second_email = CASE WHEN second_email = $2 THEN NULL ELSE second_email END WHERE id = $1 AND {}",
                spent(5)
            );
            let update = query(AssertSqlSafe(update))
                .bind(user.id.to_string())
                .bind(proof.address.to_string())
                .bind(accounts::searchable(&proof.address, user.name.as_ref()))
                .bind(now.millis());
            let undo = bound(insert_in_order(undo, now, &spent(9)), spending);
            self.turn_of_addresses(user.id)
                .chain([spend, bound(others, spending), undo, bound(update, spending)])
                .collect()
        };
        self.spend(spending, statements).await
    }

    async fn restore_address(&self, spending: &Spending<'_>, user: &Account) -> Result<bool, Unavailable> {
        let Spending { proof, now, .. } = *spending;
        let statements = || {
            let condition = "NOT EXISTS (SELECT 1 FROM users WHERE email = $4 AND users.id <> $5)";
            let spend = spend(spending, condition).bind(proof.address.to_string()).bind(user.id.to_string());
            let others = format!(
                "UPDATE proofs SET spent_by = $2 WHERE sub = $1 AND spent_by IS NULL
                 AND NOT (purpose = 'undo_email'
                     AND created_at < (SELECT used.created_at FROM proofs AS used WHERE used.id = $3))
                 AND {}",
                spent(3)
            );
            let others = query(AssertSqlSafe(others)).bind(user.id.to_string()).bind(spending.attempt.to_string());
            let update = format!(
                "UPDATE users SET email = $2, search = $3, email_verified_at = $4, second_email = NULL,
                 password_hash = $5, kept_sid = NULL,
                 session_epoch = CASE WHEN session_epoch >= $4 THEN session_epoch + 1 ELSE $4 END
                 WHERE id = $1 AND {}",
                spent(6)
            );
            let update = query(AssertSqlSafe(update))
                .bind(user.id.to_string())
                .bind(proof.address.to_string())
                .bind(accounts::searchable(&proof.address, user.name.as_ref()))
                .bind(now.millis())
                .bind(PasswordHash::NONE);
            self.turn_of_addresses(user.id)
                .chain([spend, bound(others, spending)])
                .chain(without_later_factors(spending, user.id))
                .chain([bound(update, spending)])
                .collect()
        };
        self.spend(spending, statements).await
    }

    async fn set_second_address(&self, spending: &Spending<'_>) -> Result<bool, Unavailable> {
        let Some(sub) = spending.proof.sub else { return Ok(false) };
        let statements = || {
            let condition = "EXISTS (SELECT 1 FROM users WHERE users.id = $4 AND session_epoch = $5 AND disabled = 0)";
            let spend = spend(spending, condition).bind(sub.to_string()).bind(spending.proof.epoch.0);
            let update = format!("UPDATE users SET second_email = $2 WHERE id = $1 AND {}", spent(3));
            let update = query(AssertSqlSafe(update)).bind(sub.to_string()).bind(spending.proof.address.to_string());
            self.turn_of(sub).chain([spend, bound(update, spending)]).collect()
        };
        self.spend(spending, statements).await
    }

    async fn invite(&self, proof: &Proof, mail: &SealedMail, event: &Event) -> Result<(), Unavailable> {
        let statements = || {
            let others = query(
                "UPDATE proofs SET spent_by = $3 WHERE purpose = $1 AND address = $2 AND spent_by IS NULL AND expires_at > $4",
            )
            .bind(proof.purpose.name())
            .bind(proof.address.to_string())
            .bind(proof.id.to_string())
            .bind(event.at.millis());
            vec![others, insert(proof, event.at, "1 = 1")]
        };
        self.durable.run_together(statements, || vec![outbox::insert(mail), audit::insert(event)]).await?;
        self.mail_arrivals.notify_one();
        Ok(())
    }

    async fn invitations(&self, after: Option<ProofId>, limit: u32, now: Timestamp) -> Result<Vec<Proof>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM proofs WHERE purpose = $1 AND spent_by IS NULL AND expires_at > $2 AND id > $3
                 ORDER BY id LIMIT $4"
            )))
            .bind(Purpose::Invite.name())
            .bind(now.millis())
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(i64::from(limit))
        };
        self.reading.run(read).await?.rows.iter().map(proof).collect()
    }

    async fn revoke_invitation(&self, id: ProofId, event: &Event) -> Result<bool, Unavailable> {
        let revoke = || {
            query(
                "UPDATE proofs SET spent_by = 'revoked'
                 WHERE id = $1 AND purpose = $2 AND spent_by IS NULL AND expires_at > $3",
            )
            .bind(id.to_string())
            .bind(Purpose::Invite.name())
            .bind(event.at.millis())
        };
        Ok(self.durable.run_together(|| vec![revoke()], || vec![audit::insert(event)]).await?.written > 0)
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
    /// allows.
    async fn change(
        &self,
        spending: &Spending<'_>,
        sub: UserId,
        updates: impl Fn() -> Vec<Statement>,
    ) -> Result<bool, Unavailable> {
        let statements = || {
            let spend = spend(spending, AS_ASKED)
                .bind(sub.to_string())
                .bind(spending.proof.address.to_string())
                .bind(spending.proof.epoch.0);
            self.turn_of(sub).chain([spend]).chain(updates()).collect()
        };
        self.spend(spending, statements).await
    }

    /// Runs statements of which the last one makes the change; with the event and the mails, in one transaction.
    async fn spend(
        &self,
        spending: &Spending<'_>,
        statements: impl Fn() -> Vec<Statement>,
    ) -> Result<bool, Unavailable> {
        let changed = self.durable.run_together(statements, || records(spending)).await?.written > 0;
        if !spending.mails.is_empty() {
            self.mail_arrivals.notify_one();
        }
        Ok(changed)
    }

    /// Waits for other changes of addresses, so that of two users who want the same one, the second is refused; then for
    /// those of this user.
    fn turn_of_addresses(&self, sub: UserId) -> impl Iterator<Item = Statement> {
        self.backend.one_after_the_other().map(query).into_iter().chain(self.turn_of(sub))
    }

    /// Waits for other changes of a user, where the database does not make one after the other anyway.
    pub(super) fn turn_of(&self, sub: UserId) -> impl Iterator<Item = Statement> {
        self.backend.lock_of_user().map(|lock| query(lock).bind(sub.to_string())).into_iter()
    }
}

/// Keeps a proof, if a condition holds; its first value is `$9`. Of a proof that is kept already, what it was asked for
/// is replaced, and the count of tries goes on.
fn insert(proof: &Proof, now: Timestamp, condition: &str) -> Statement {
    insert_at("$7", proof, now, condition)
}

/// As [`insert`], after all proofs of this purpose that the user has, whatever the clock says.
fn insert_in_order(proof: &Proof, now: Timestamp, condition: &str) -> Statement {
    let newest = "(SELECT max(newest.created_at) FROM proofs AS newest WHERE newest.sub = $3 AND newest.purpose = $2)";
    insert_at(&format!("CASE WHEN {newest} >= $7 THEN {newest} + 1 ELSE $7 END"), proof, now, condition)
}

fn insert_at(created_at: &str, proof: &Proof, now: Timestamp, condition: &str) -> Statement {
    query(AssertSqlSafe(format!(
        "INSERT INTO proofs (id, purpose, sub, address, epoch, payload, tries, created_at, expires_at)
         SELECT $1, $2, $3, $4, $5, $6, 0, {created_at}, $8 WHERE {condition}
         ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, sub = excluded.sub, epoch = excluded.epoch"
    )))
    .bind(proof.id.to_string())
    .bind(proof.purpose.name())
    .bind(proof.sub.map(|sub| sub.to_string()))
    .bind(proof.address.to_string())
    .bind(proof.epoch.0)
    .bind(proof.payload.clone())
    .bind(now.millis())
    .bind(proof.expires_at.millis())
}

/// Spends a proof if a condition holds; its first value is `$4`.
fn spend(spending: &Spending<'_>, condition: &str) -> Statement {
    query(AssertSqlSafe(format!(
        "UPDATE proofs SET spent_by = $2 WHERE id = $1 AND spent_by IS NULL AND expires_at > $3 AND {condition}"
    )))
    .bind(spending.proof.id.to_string())
    .bind(spending.attempt.to_string())
    .bind(spending.now.millis())
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

/// Removes the factors of a user whose address was never shown to reach the user: whoever registered with it may have prepared
/// them.
fn without_unverified_factors(spending: &Spending<'_>, sub: UserId) -> impl Iterator<Item = Statement> {
    factors::TABLES.into_iter().map(move |table| {
        let delete = format!(
            "DELETE FROM {table} WHERE sub = $1 AND {}
             AND EXISTS (SELECT 1 FROM users WHERE users.id = $1 AND email_verified_at IS NULL)",
            spent(2)
        );
        bound(query(AssertSqlSafe(delete)).bind(sub.to_string()), spending)
    })
}

/// Removes the factors that were added in the week before the change that is undone, or since: whoever made it may have added
/// them. Those of before stay. Codes and devices go, whenever they were made.
fn without_later_factors(spending: &Spending<'_>, sub: UserId) -> impl Iterator<Item = Statement> {
    let since = "(SELECT undone.created_at FROM proofs AS undone WHERE undone.id = $2) - 604800000";
    let deletes = [
        format!("DELETE FROM passkeys WHERE sub = $1 AND created_at >= {since}"),
        format!("DELETE FROM totp WHERE sub = $1 AND created_at >= {since}"),
        "DELETE FROM recovery_codes WHERE sub = $1".to_owned(),
        "DELETE FROM trusted_devices WHERE sub = $1".to_owned(),
        "DELETE FROM factor_resets WHERE sub = $1".to_owned(),
    ];
    deletes.into_iter().map(move |delete| {
        let delete = format!("{delete} AND {}", spent(2));
        bound(query(AssertSqlSafe(delete)).bind(sub.to_string()), spending)
    })
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
