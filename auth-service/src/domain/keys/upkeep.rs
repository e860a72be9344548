//! Upkeep of the table of signing keys: whichever replica comes first does what is due.

use super::{
    KeyError, KeyPolicy,
    make::make,
    root_secret,
    schedule::Schedule,
    table::{KeyRows, KeyTable},
};
use crate::domain::{Unavailable, secrets::KeyRing};
use std::time::Duration;

/// How long keys that are gone or revoked stay visible to operators before they are removed.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// Creates the next key if it is due, or the first one.
///
/// # Errors
/// [`KeyError`].
pub(super) async fn make_due(table: &dyn KeyTable, secrets: &KeyRing, policy: &KeyPolicy) -> Result<(), KeyError> {
    let rows = table.keys().await?;
    let schedule = Schedule::at(&rows.keys, rows.now);
    let is_due = schedule.next_due(policy.lifetime, policy.lead).is_some_and(|due| due <= rows.now);
    let lead = match schedule.signing() {
        Some(_) if !is_due => return Ok(()),
        Some(_) => policy.lead,
        // Nobody can log in until there is a key, so it signs at once.
        None => Duration::ZERO,
    };
    let slot = rows.keys.last().map_or(0, |last| last.slot + 1);
    table.insert_if_vacant(&make(slot, lead, policy, secrets).await?).await?;
    tracing::info!(slot, "a new signing key is published");
    Ok(())
}

/// Reads the rows and does what is due: records longer lives of tokens, seals keys with the current root secret, and
/// removes keys that are long gone.
///
/// # Errors
/// [`KeyError`].
pub(super) async fn reload_rows(
    table: &dyn KeyTable,
    secrets: &KeyRing,
    policy: &KeyPolicy,
) -> Result<KeyRows, KeyError> {
    let rows = table.keys().await?;
    let signing = Schedule::at(&rows.keys, rows.now).signing().map(|key| key.slot);
    let is_short = |slot: i64| rows.keys.iter().any(|key| key.slot >= slot && key.token_life < policy.token_life);
    if let Some(slot) = signing.filter(|slot| is_short(*slot)) {
        table.extend_token_life(slot, policy.token_life).await?;
    }
    root_secret::reseal(table, &rows, secrets).await?;
    forget_long_gone(table, &rows).await?;
    Ok(rows)
}

async fn forget_long_gone(table: &dyn KeyTable, rows: &KeyRows) -> Result<(), Unavailable> {
    let schedule = Schedule::at(&rows.keys, rows.now);
    let newest = rows.keys.last().map(|key| key.slot);
    for key in rows.keys.iter().filter(|key| Some(key.slot) != newest) {
        let over = [key.revoked_at, schedule.gone_at(key)].into_iter().flatten().min();
        if over.is_some_and(|over| over.plus(RETENTION) < rows.now) {
            table.forget(key.slot).await?;
        }
    }
    Ok(())
}
