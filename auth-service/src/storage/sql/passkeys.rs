//! Passkeys. What an answer to a challenge allows is one transaction, which spends the challenge first: the statements after
//! that apply only if this use has spent it.

use super::{
    Sql, Statement, audit,
    engine::rows::{moment, parsed, unreadable, value},
    outbox,
};
use crate::domain::{
    Unavailable,
    audit::Event,
    passkeys::{
        Addition, AuthenticatorData, CredentialId, MAX_PASSKEYS, Passkey, PasskeyName, PasskeyStore, PublicKey,
        Records, Removal, Spent, Standing, Use,
    },
    passwords::PasswordHash,
};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    clock::Timestamp,
    ids::{PasskeyId, UserId},
};
use sqlx::{AssertSqlSafe, any::AnyRow, query};

const COLUMNS: &str =
    "id, sub, credential_id, public_key, algorithm, sign_count, transports, aaguid, backup_eligible, backed_up,
    name, created_at, last_used_at";

#[async_trait]
impl PasskeyStore for Sql {
    async fn add(
        &self,
        passkey: &Passkey,
        spent: Spent<'_>,
        by: Standing,
        records: Records<'_>,
    ) -> Result<Addition, Unavailable> {
        let statements = || self.turn_of(passkey.sub).chain([spend(spent), insert(passkey, spent, by)]).collect();
        let then = || vec![of_user("DELETE FROM trusted_devices WHERE sub = $1", passkey.sub)];
        if self.write_with(statements, then, records).await? {
            return Ok(Addition::Added);
        }
        if !self.is_spent_by(spent).await? {
            return Ok(Addition::Spent);
        }
        if self.by_credential(&passkey.credential).await?.is_some() {
            return Ok(Addition::Taken);
        }
        let is_full = self.passkeys_of(passkey.sub).await?.len() >= MAX_PASSKEYS;
        Ok(if is_full { Addition::TooMany } else { Addition::Outdated })
    }

    async fn passkeys_of(&self, sub: UserId) -> Result<Vec<Passkey>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM passkeys WHERE sub = $1 ORDER BY created_at, id")))
                .bind(sub.to_string())
        };
        self.reading.run(read).await?.rows.iter().map(passkey).collect()
    }

    async fn by_credential(&self, id: &CredentialId) -> Result<Option<Passkey>, Unavailable> {
        let read = || {
            query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM passkeys WHERE credential_id = $1"))).bind(id.encoded())
        };
        self.reading.run(read).await?.rows.first().map(passkey).transpose()
    }

    async fn note_use(
        &self,
        passkey: &Passkey,
        seen: &AuthenticatorData,
        spent: Spent<'_>,
        now: Timestamp,
    ) -> Result<Use, Unavailable> {
        let update = || {
            let update = format!(
                "UPDATE passkeys SET sign_count = $2, backed_up = $3, last_used_at = $4
                 WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) AND {}",
                spent_by_this(5)
            );
            let update = query(AssertSqlSafe(update)).bind(passkey.id.to_string()).bind(i64::from(seen.counter));
            bound(update.bind(i64::from(seen.is_backed_up)).bind(now.millis()), spent)
        };
        if self.durable.run_together(|| vec![spend(spent), update()], Vec::new).await?.written > 0 {
            return Ok(Use::Noted);
        }
        if !self.is_spent_by(spent).await? {
            return Ok(Use::Spent);
        }
        let is_there = self.by_credential(&passkey.credential).await?.is_some_and(|found| found.id == passkey.id);
        Ok(if is_there { Use::Behind } else { Use::Gone })
    }

    async fn rename(&self, sub: UserId, id: PasskeyId, name: &PasskeyName, event: &Event) -> Result<bool, Unavailable> {
        let update = || {
            query("UPDATE passkeys SET name = $3 WHERE id = $1 AND sub = $2")
                .bind(id.to_string())
                .bind(sub.to_string())
                .bind(name.as_str().to_owned())
        };
        self.write_with(|| vec![update()], Vec::new, Records { event, mails: &[] }).await
    }

    async fn remove(&self, id: PasskeyId, by: Standing, records: Records<'_>) -> Result<Removal, Unavailable> {
        let delete = || {
            let delete = format!(
                "DELETE FROM passkeys WHERE id = $1 AND sub = $2 AND {}
                 AND (EXISTS (SELECT 1 FROM users WHERE users.id = $2 AND CAST(password_hash AS TEXT) <> $5)
                     OR EXISTS (SELECT 1 FROM passkeys AS other WHERE other.sub = $2 AND other.id <> $1))",
                standing(2, 3)
            );
            let delete = query(AssertSqlSafe(delete)).bind(id.to_string()).bind(by.sub.to_string());
            delete.bind(by.epoch.0).bind(by.session.to_string()).bind(PasswordHash::NONE)
        };
        let statements = || self.turn_of(by.sub).chain([delete()]).collect();
        // Recovery codes alone are no second factor: they go with the last one.
        let codes = "DELETE FROM recovery_codes WHERE sub = $1 AND NOT EXISTS (SELECT 1 FROM passkeys WHERE sub = $1)
             AND NOT EXISTS (SELECT 1 FROM totp WHERE sub = $1 AND confirmed_at IS NOT NULL)";
        let then = || vec![of_user("DELETE FROM trusted_devices WHERE sub = $1", by.sub), of_user(codes, by.sub)];
        if self.write_with(statements, then, records).await? {
            return Ok(Removal::Removed);
        }
        let passkeys = self.passkeys_of(by.sub).await?;
        if passkeys.iter().all(|passkey| passkey.id != id) {
            return Ok(Removal::NoSuch);
        }
        let read = || {
            let read = format!("SELECT 1 AS one FROM users WHERE id = $1 AND {}", standing(1, 2));
            let read = query(AssertSqlSafe(read)).bind(by.sub.to_string());
            read.bind(by.epoch.0).bind(by.session.to_string())
        };
        let stands = !self.reading.run(read).await?.rows.is_empty();
        Ok(if stands { Removal::LastWayIn } else { Removal::Outdated })
    }

    async fn report_copies(&self, records: Records<'_>) -> Result<(), Unavailable> {
        self.run_together_with_mails(|| vec![audit::insert(records.event)], records.mails).await.map(drop)
    }

    async fn forget_challenges(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query(
                "DELETE FROM spent_challenges WHERE id IN
                 (SELECT id FROM spent_challenges WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            )
            .bind(before.millis())
            .bind(i64::from(at_most))
        };
        Ok(self.durable.run(delete).await?.written)
    }
}

impl Sql {
    /// Runs statements of which the last one makes the change; with what follows from it, the event and the mails, in one
    /// transaction.
    async fn write_with(
        &self,
        statements: impl Fn() -> Vec<Statement>,
        then: impl Fn() -> Vec<Statement>,
        records: Records<'_>,
    ) -> Result<bool, Unavailable> {
        let recorded = || records.mails.iter().map(outbox::insert).chain([audit::insert(records.event)]);
        let written = || then().into_iter().chain(recorded()).collect();
        let is_changed = self.durable.run_together(statements, written).await?.written > 0;
        if is_changed && !records.mails.is_empty() {
            self.mail_arrivals.notify_one();
        }
        Ok(is_changed)
    }

    async fn is_spent_by(&self, spent: Spent<'_>) -> Result<bool, Unavailable> {
        let read = || bound(query("SELECT 1 AS one FROM spent_challenges WHERE id = $1 AND spent_by = $2"), spent);
        Ok(!self.reading.run(read).await?.rows.is_empty())
    }
}

fn of_user(statement: &'static str, sub: UserId) -> Statement {
    query(statement).bind(sub.to_string())
}

/// Spends a challenge, unless another use has.
fn spend(spent: Spent<'_>) -> Statement {
    let insert = query(
        "INSERT INTO spent_challenges (id, spent_by, expires_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
    );
    bound(insert, spent).bind(spent.challenge.expires_at.millis())
}

/// The condition that this use has spent its challenge; the first value is `$first`.
fn spent_by_this(first: usize) -> String {
    let (id, attempt) = (first, first + 1);
    format!(
        "EXISTS (SELECT 1 FROM spent_challenges
             WHERE spent_challenges.id = ${id} AND spent_challenges.spent_by = ${attempt})"
    )
}

fn bound(statement: Statement, spent: Spent<'_>) -> Statement {
    statement.bind(spent.challenge.name()).bind(spent.attempt.to_string())
}

/// The condition that the session of the user (`$sub`) has not ended; its first value, `$first`, is the epoch.
fn standing(sub: usize, first: usize) -> String {
    let (epoch, session) = (first, first + 1);
    format!(
        "EXISTS (SELECT 1 FROM users WHERE users.id = ${sub} AND session_epoch = ${epoch} AND disabled = 0)
         AND NOT EXISTS (SELECT 1 FROM ended_sessions WHERE ended_sessions.sub = ${sub} AND sid = ${session})"
    )
}

fn insert(passkey: &Passkey, spent: Spent<'_>, by: Standing) -> Statement {
    let insert = query(AssertSqlSafe(format!(
        "INSERT INTO passkeys ({COLUMNS}) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL
         WHERE (SELECT count(*) FROM passkeys AS others WHERE others.sub = $2) < {MAX_PASSKEYS} AND {} AND {}
         ON CONFLICT (credential_id) DO NOTHING",
        spent_by_this(13),
        standing(2, 15),
    )));
    let insert = insert
        .bind(passkey.id.to_string())
        .bind(passkey.sub.to_string())
        .bind(passkey.credential.encoded())
        .bind(passkey.key.cose.clone())
        .bind(i64::from(passkey.key.algorithm))
        .bind(i64::from(passkey.counter))
        .bind(passkey.transports.join(" "))
        .bind(format!("{:032x}", u128::from_be_bytes(passkey.aaguid)))
        .bind(i64::from(passkey.is_backup_eligible))
        .bind(i64::from(passkey.is_backed_up))
        .bind(passkey.name.as_str().to_owned())
        .bind(passkey.created_at.millis());
    bound(insert, spent).bind(by.epoch.0).bind(by.session.to_string())
}

fn passkey(row: &AnyRow) -> Result<Passkey, Unavailable> {
    let number = |column| value::<i64>(row, column);
    let id = URL_SAFE_NO_PAD.decode(value::<&str>(row, "credential_id")?).ok().and_then(CredentialId::new);
    let aaguid = u128::from_str_radix(value(row, "aaguid")?, 16).map_err(|_| unreadable("aaguid"))?;
    Ok(Passkey {
        id: parsed(row, "id")?,
        sub: parsed(row, "sub")?,
        credential: id.ok_or_else(|| unreadable("credential_id"))?,
        key: PublicKey {
            cose: value(row, "public_key")?,
            algorithm: number("algorithm")?.try_into().map_err(|_| unreadable("algorithm"))?,
        },
        counter: number("sign_count")?.try_into().map_err(|_| unreadable("sign_count"))?,
        transports: value::<&str>(row, "transports")?.split_whitespace().map(str::to_owned).collect(),
        aaguid: aaguid.to_be_bytes(),
        is_backup_eligible: number("backup_eligible")? != 0,
        is_backed_up: number("backed_up")? != 0,
        name: PasskeyName::parse(value(row, "name")?).map_err(|_| unreadable("name"))?,
        created_at: moment(row, "created_at")?,
        last_used_at: value::<Option<i64>>(row, "last_used_at")?.map(Timestamp::from_millis),
    })
}
