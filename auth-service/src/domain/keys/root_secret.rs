//! The root secret of an installation, and its replacement: the old and the new secret are given together until
//! everything is sealed with the new one.

use super::{
    KeyError,
    table::{KeyRows, KeyTable},
};
use crate::domain::{Unavailable, secrets::KeyRing};

/// The fact in SQL that stops a replica with another root secret: the check value of the current secret, then those of
/// the secrets that it has replaced. A replica that still starts with a replaced secret as its current one does not
/// reverse the replacement.
const SECRET_CHECK: &str = "secret_check";

/// How often a replacement is tried while other replicas do the same.
const MAX_ROUNDS: u32 = 4;

/// Compares the root secret with the one that the database was set up with. While it is being replaced, stores the new
/// one's check value.
///
/// # Errors
/// [`KeyError::AnotherSecret`], [`KeyError::Unavailable`].
pub async fn check_secret(table: &dyn KeyTable, secrets: &KeyRing) -> Result<(), KeyError> {
    let current = secrets.current().check();
    for _ in 0..MAX_ROUNDS {
        let stored = table.fact(SECRET_CHECK, current).await?;
        let mut checks = stored.split(' ');
        let present = checks.next().unwrap_or_default();
        if present == current {
            return Ok(());
        }
        if secrets.previous().is_none_or(|previous| previous.check() != present) {
            return Err(KeyError::AnotherSecret);
        }
        let is_replaced = checks.any(|replaced| replaced == current);
        if is_replaced || table.replace_fact(SECRET_CHECK, &stored, &format!("{current} {stored}")).await? {
            return Ok(());
        }
    }
    Err(KeyError::AnotherSecret)
}

/// Whether the current root secret of this process is that of the installation by now. A replica that has not got the new
/// one yet seals nothing again.
///
/// # Errors
/// [`Unavailable`].
pub async fn is_current(table: &dyn KeyTable, secrets: &KeyRing) -> Result<bool, Unavailable> {
    let current = secrets.current().check();
    Ok(table.fact(SECRET_CHECK, current).await?.split(' ').next() == Some(current))
}

/// Seals with the current root secret what the previous one sealed; only if this process has the current one.
pub(super) async fn reseal(table: &dyn KeyTable, rows: &KeyRows, secrets: &KeyRing) -> Result<(), KeyError> {
    let old: Vec<_> = rows.keys.iter().filter(|key| !secrets.is_sealed_by_current(&key.sealed)).collect();
    if old.is_empty() {
        return Ok(());
    }
    if !is_current(table, secrets).await? {
        return Ok(());
    }
    for key in old {
        match secrets.open(&key.kid, &key.sealed) {
            Ok(der) => table.reseal(key.slot, &key.sealed, &secrets.seal(&key.kid, &der)).await?,
            // Matters only if this key signs; then an error reports it.
            Err(cause) => tracing::debug!(kid = key.kid, %cause, "failed to reseal a signing key"),
        }
    }
    tracing::info!("signing keys are now sealed with the current AUTH_SECRET");
    Ok(())
}
