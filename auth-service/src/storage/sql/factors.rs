//! Second factors. The last statement of a change decides whether it is made: others follow only then, in the same
//! transaction.

use super::{
    Sql, Statement, audit,
    engine::rows::{unreadable, value},
    outbox,
};
use crate::domain::{
    Unavailable,
    factors::{
        Change, Enrolled, FactorStore, MAX_IN_A_ROW, MAX_RECENT, Replacing, Shown, Standing, StoredCode, StoredTotp,
        Try, WINDOW,
    },
};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::UserId};
use sqlx::{AssertSqlSafe, any::AnyRow, query};

/// What a user `$1` has.
const HAS_UNUSED_CODES: &str = "EXISTS (SELECT 1 FROM recovery_codes WHERE sub = $1 AND used_at IS NULL)";
const HAS_PASSKEYS: &str = "EXISTS (SELECT 1 FROM passkeys WHERE sub = $1)";
const HAS_TOTP: &str = "EXISTS (SELECT 1 FROM totp WHERE sub = $1 AND confirmed_at IS NOT NULL)";

/// The tables with rows of users, by their `sub`.
/// Where the factors of users are.
pub(super) const TABLES: [&str; 6] =
    ["totp", "recovery_codes", "passkeys", "trusted_devices", "factor_failures", "factor_resets"];

#[async_trait]
impl FactorStore for Sql {
    async fn enrolled(&self, sub: UserId) -> Result<Enrolled, Unavailable> {
        let read = || {
            query(
                "SELECT (SELECT confirmed_at FROM totp WHERE sub = $1) AS totp,
                 (SELECT count(*) FROM recovery_codes WHERE sub = $1 AND used_at IS NULL) AS codes,
                 (SELECT count(*) FROM passkeys WHERE sub = $1) AS passkeys",
            )
            .bind(sub.to_string())
        };
        let answer = self.reading.run(read).await?;
        let row = answer.rows.first().ok_or_else(|| unreadable("totp"))?;
        let count = |column| u32::try_from(value::<i64>(row, column)?).map_err(|_| unreadable(column));
        Ok(Enrolled {
            totp: value::<Option<i64>>(row, "totp")?.map(Timestamp::from_millis),
            recovery_codes_left: count("codes")?,
            passkeys: count("passkeys")?,
        })
    }

    async fn totp(&self, sub: UserId) -> Result<Option<StoredTotp>, Unavailable> {
        let read = || query("SELECT secret, confirmed_at, last_step FROM totp WHERE sub = $1").bind(sub.to_string());
        self.reading.run(read).await?.rows.first().map(totp).transpose()
    }

    async fn begin_totp(&self, of: Standing, sealed: &[u8], now: Timestamp) -> Result<bool, Unavailable> {
        let insert = || {
            let insert = query(AssertSqlSafe(format!(
                "INSERT INTO totp (sub, secret, created_at, last_step) SELECT $1, $4, $5, 0 WHERE {}
                 ON CONFLICT (sub) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at
                 WHERE totp.confirmed_at IS NULL",
                stands(of)
            )));
            bind_standing(insert, of).bind(sealed.to_vec()).bind(now.millis())
        };
        let statements = || self.turn_of(of.sub).chain([insert()]).collect();
        Ok(self.durable.run_together(statements, Vec::new).await?.written > 0)
    }

    async fn confirm_totp(
        &self,
        change: Change<'_>,
        sealed: &[u8],
        step: i64,
        codes: Option<&[StoredCode]>,
    ) -> Result<bool, Unavailable> {
        let of = change.of;
        let update = || {
            let if_no_codes = if codes.is_some() { "NOT" } else { "" };
            let update = query(AssertSqlSafe(format!(
                "UPDATE totp SET confirmed_at = $6, last_step = $5
                 WHERE sub = $1 AND secret = $4 AND confirmed_at IS NULL AND {if_no_codes} {HAS_UNUSED_CODES} AND {}",
                stands(of)
            )));
            bind_standing(update, of).bind(sealed.to_vec()).bind(step).bind(change.event.at.millis())
        };
        let then = || {
            let codes = codes.map(|codes| replace_codes(of.sub, codes)).into_iter().flatten();
            let others = [delete(of.sub, "trusted_devices"), delete(of.sub, "factor_failures")];
            codes.chain(others).collect()
        };
        self.change_factors(change, update, then).await
    }

    async fn accept_totp(&self, of: Standing, sealed: &[u8], step: i64) -> Result<bool, Unavailable> {
        let update = || {
            let update = query(AssertSqlSafe(format!(
                "UPDATE totp SET last_step = $5
                 WHERE sub = $1 AND secret = $4 AND confirmed_at IS NOT NULL AND last_step < $5 AND {}",
                stands(of)
            )));
            bind_standing(update, of).bind(sealed.to_vec()).bind(step)
        };
        let statements = || self.turn_of(of.sub).chain([update()]).collect();
        let then = || vec![delete(of.sub, "factor_failures")];
        Ok(self.durable.run_together(statements, then).await?.written > 0)
    }

    async fn abandon_totp(&self, sub: UserId) -> Result<(), Unavailable> {
        let delete = || query("DELETE FROM totp WHERE sub = $1 AND confirmed_at IS NULL").bind(sub.to_string());
        self.durable.run(delete).await.map(drop)
    }

    async fn remove_totp(&self, change: Change<'_>) -> Result<bool, Unavailable> {
        let of = change.of;
        let remove = || {
            let remove = format!("DELETE FROM totp WHERE sub = $1 AND confirmed_at IS NOT NULL AND {}", stands(of));
            bind_standing(query(AssertSqlSafe(remove)), of)
        };
        let then = || {
            let codes = format!("DELETE FROM recovery_codes WHERE sub = $1 AND NOT {HAS_PASSKEYS}");
            vec![query(AssertSqlSafe(codes)).bind(of.sub.to_string()), delete(of.sub, "trusted_devices")]
        };
        self.change_factors(change, remove, then).await
    }

    async fn recovery_codes(&self, sub: UserId) -> Result<Vec<String>, Unavailable> {
        let read = || query("SELECT mac FROM recovery_codes WHERE sub = $1 AND used_at IS NULL").bind(sub.to_string());
        self.reading.run(read).await?.rows.iter().map(|row| value(row, "mac")).collect()
    }

    async fn replace_recovery_codes(
        &self,
        change: Change<'_>,
        codes: &[StoredCode],
        replacing: Replacing,
    ) -> Result<bool, Unavailable> {
        let of = change.of;
        let look = || {
            let may = match replacing {
                Replacing::All => String::new(),
                Replacing::Used => format!("AND NOT {HAS_UNUSED_CODES}"),
            };
            look_at_user(of, &format!("({HAS_TOTP} OR {HAS_PASSKEYS}) {may}"))
        };
        self.change_factors(change, look, || replace_codes(of.sub, codes).collect()).await
    }

    async fn use_recovery_code(&self, change: Change<'_>, mac: &str, out_of: usize) -> Result<bool, Unavailable> {
        let of = change.of;
        let update = || {
            let update = query(AssertSqlSafe(format!(
                "UPDATE recovery_codes SET used_at = $6 WHERE sub = $1 AND mac = $4 AND used_at IS NULL
                 AND $5 = (SELECT count(*) FROM recovery_codes AS unused WHERE unused.sub = $1 AND unused.used_at IS NULL)
                 AND {}",
                stands(of)
            )));
            let out_of = i64::try_from(out_of).unwrap_or(i64::MAX);
            bind_standing(update, of).bind(mac.to_owned()).bind(out_of).bind(change.event.at.millis())
        };
        self.change_factors(change, update, || vec![delete(of.sub, "factor_failures")]).await
    }

    async fn count_try(&self, sub: UserId, shown: Shown, now: Timestamp) -> Result<Try, Unavailable> {
        // A window that begins later than one could is of a clock that was set back.
        let is_over = "factor_failures.since <= $3 OR factor_failures.since > $4";
        let guesses = i64::from(shown == Shown::Totp);
        let count = || {
            query(AssertSqlSafe(format!(
                "INSERT INTO factor_failures (sub, recent, since, in_a_row) SELECT id, 1, $2, $5 FROM users WHERE id = $1
                 ON CONFLICT (sub) DO UPDATE SET
                 recent = CASE WHEN {is_over} THEN 1 ELSE factor_failures.recent + 1 END,
                 since = CASE WHEN {is_over} THEN $2 ELSE factor_failures.since END,
                 in_a_row = factor_failures.in_a_row + $5
                 WHERE ({is_over} OR factor_failures.recent < $6) AND ($5 = 0 OR factor_failures.in_a_row < $7)"
            )))
            .bind(sub.to_string())
            .bind(now.millis())
            .bind(now.minus(WINDOW).millis())
            .bind(now.plus(WINDOW).millis())
            .bind(guesses)
            .bind(i64::from(MAX_RECENT))
            .bind(i64::from(MAX_IN_A_ROW))
        };
        let statements = || self.turn_of(sub).chain([count()]).collect();
        if self.durable.run_together(statements, Vec::new).await?.written > 0 {
            return Ok(Try::Counted);
        }
        let look = || query("SELECT since, in_a_row FROM factor_failures WHERE sub = $1").bind(sub.to_string());
        let answer = self.reading.run(look).await?;
        // Whatever is shown for a user who is gone will not be accepted.
        let Some(row) = answer.rows.first() else { return Ok(Try::Counted) };
        if shown == Shown::Totp && value::<i64>(row, "in_a_row")? >= i64::from(MAX_IN_A_ROW) {
            return Ok(Try::Resting);
        }
        let until = Timestamp::from_millis(value(row, "since")?).plus(WINDOW);
        Ok(Try::TooMany { retry_after: until.since(now) })
    }

    async fn forget_recent_tries(&self, sub: UserId) -> Result<(), Unavailable> {
        let update = || query("UPDATE factor_failures SET recent = 0 WHERE sub = $1").bind(sub.to_string());
        self.durable.run(update).await.map(drop)
    }

    async fn remove_all(&self, change: Change<'_>) -> Result<bool, Unavailable> {
        let of = change.of;
        let look = || {
            let has_any = TABLES.map(|table| format!("EXISTS (SELECT 1 FROM {table} WHERE sub = $1)")).join(" OR ");
            if of.session.is_some() {
                return look_at_user(of, &format!("({has_any})"));
            }
            // An administrator removes those of a disabled user too.
            let user = format!(
                "UPDATE users SET unlocks = unlocks WHERE users.id = $1 AND session_epoch = $2 AND ({has_any})"
            );
            query(AssertSqlSafe(user)).bind(of.sub.to_string()).bind(of.epoch.0)
        };
        self.change_factors(change, look, || delete_all(of.sub).collect()).await
    }
}

impl Sql {
    /// Makes a change if a statement finds something; with what belongs to it, the event and the mails, in one transaction.
    async fn change_factors(
        &self,
        change: Change<'_>,
        decide: impl Fn() -> Statement,
        then: impl Fn() -> Vec<Statement>,
    ) -> Result<bool, Unavailable> {
        let statements = || self.turn_of(change.of.sub).chain([decide()]).collect();
        let all = || {
            let records = change.mails.iter().map(outbox::insert).chain([audit::insert(change.event)]);
            then().into_iter().chain(records).collect()
        };
        Ok(self.run_and_send(statements, all, change.mails).await?.written > 0)
    }
}

/// Writes the user as it is, if the user stands as read and a condition holds.
fn look_at_user(of: Standing, condition: &str) -> Statement {
    let look = format!("UPDATE users SET unlocks = unlocks WHERE users.id = $1 AND {condition} AND {}", stands(of));
    bind_standing(query(AssertSqlSafe(look)), of)
}

/// Deletes all that is known of a user's factors.
pub(super) fn delete_all(sub: UserId) -> impl Iterator<Item = Statement> {
    TABLES.into_iter().map(move |table| delete(sub, table))
}

fn delete(sub: UserId, table: &str) -> Statement {
    query(AssertSqlSafe(format!("DELETE FROM {table} WHERE sub = $1"))).bind(sub.to_string())
}

fn replace_codes(sub: UserId, codes: &[StoredCode]) -> impl Iterator<Item = Statement> {
    let insert = move |code: &StoredCode| {
        query("INSERT INTO recovery_codes (sub, mac, sealed) VALUES ($1, $2, $3)")
            .bind(sub.to_string())
            .bind(code.mac.clone())
            .bind(code.sealed.clone())
    };
    [delete(sub, "recovery_codes")].into_iter().chain(codes.iter().map(insert))
}

/// The condition that a user (`$1`, `$2`, `$3`) stands as read.
fn stands(of: Standing) -> &'static str {
    match of.session {
        Some(_) => {
            "EXISTS (SELECT 1 FROM users WHERE users.id = $1 AND session_epoch = $2 AND disabled = 0)
             AND NOT EXISTS (SELECT 1 FROM ended_sessions WHERE ended_sessions.sub = $1 AND sid = $3)"
        }
        None => "EXISTS (SELECT 1 FROM users WHERE users.id = $1 AND session_epoch = $2 AND disabled = 0 AND $3 = '')",
    }
}

fn bind_standing(statement: Statement, of: Standing) -> Statement {
    let session = of.session.map(|session| session.to_string()).unwrap_or_default();
    statement.bind(of.sub.to_string()).bind(of.epoch.0).bind(session)
}

fn totp(row: &AnyRow) -> Result<StoredTotp, Unavailable> {
    Ok(StoredTotp {
        sealed: value(row, "secret")?,
        confirmed_at: value::<Option<i64>>(row, "confirmed_at")?.map(Timestamp::from_millis),
        last_step: value(row, "last_step")?,
    })
}
