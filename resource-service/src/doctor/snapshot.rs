//! The file that keeps the last good keys for a restart.

use super::{Finding, place};
use crate::published_keys::{Address, Snapshot};
use shared::clock::{Clock as _, SystemClock};
use std::path::Path;

pub(super) fn findings(path: Option<&Path>, address: &Address, issuer: &str) -> Vec<Finding> {
    let Some(path) = path else {
        return vec![Finding::warning(
            "RESOURCE_JWKS_SNAPSHOT is empty: a restart while auth-service is down refuses every token; name a file",
        )];
    };
    let place = format!("RESOURCE_JWKS_SNAPSHOT: {}", path.display());
    let now = SystemClock.now();
    let content = match Snapshot::at(path.to_owned(), address.clone(), issuer.to_owned()).read(now) {
        Ok(None) => Finding::note(format!("{place} is not there yet: the first fetch of the keys writes it")),
        Ok(Some(kept)) => Finding::ok(format!(
            "{place} holds {} key(s), confirmed {} minutes ago",
            kept.keys.len(),
            now.since(kept.confirmed_at).as_secs() / 60
        )),
        Err(reason) => {
            Finding::warning(format!("{place} is not used: {reason}; the next fetch of the keys replaces it"))
        }
    };
    let writable = place::can_be_made(path).err().map(|reason| {
        Finding::error(format!(
            "{place} cannot be written: {reason}; a restart while auth-service is down will find no keys"
        ))
    });
    std::iter::once(content).chain(writable).collect()
}
