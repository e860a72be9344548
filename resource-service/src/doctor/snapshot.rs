//! The file that keeps the last good keys for a restart.

use super::{Finding, place};
use jeton_verifier::keys::{Address, Kept, Snapshot};
use shared::clock::{Clock as _, SystemClock, Timestamp};
use std::path::Path;

pub(super) fn findings(path: Option<&Path>, address: &Address, issuer: &str) -> Vec<Finding> {
    let Some(path) = path else {
        return vec![Finding::warning(
            "RESOURCE_JWKS_SNAPSHOT is empty: a restart while auth-service is down refuses every token; name a file",
        )];
    };
    let place = format!("RESOURCE_JWKS_SNAPSHOT: {}", path.display());
    let snapshot = Snapshot::at(path.to_owned(), address.clone(), issuer.to_owned());
    let now = SystemClock.now();
    let (content, writable) = (snapshot.read(now), can_be_written(&snapshot, path));
    let content = match content {
        Ok(None) => writable
            .is_ok()
            .then(|| Finding::note(format!("{place} does not exist yet: the first fetch of the keys writes it"))),
        Ok(Some(kept)) => Some(usable(&place, &kept, now)),
        Err(reason) => {
            let then = if writable.is_ok() { "; the next fetch of the keys replaces it" } else { "" };
            Some(Finding::warning(format!("{place} is not used: {reason}{then}")))
        }
    };
    let writable = writable.err().map(|reason| {
        Finding::error(format!(
            "{place} cannot be written: {reason}; a restart while auth-service is down will find no keys"
        ))
    });
    content.into_iter().chain(writable).chain(place::for_anybody(&place, path)).collect()
}

fn usable(place: &str, kept: &Kept, now: Timestamp) -> Finding {
    let keys = kept.keys.len();
    match kept.ahead(now) {
        None => {
            let minutes = now.since(kept.confirmed_at).as_secs() / 60;
            Finding::ok(format!("{place} holds {keys} key(s), confirmed {minutes} minutes ago"))
        }
        Some(ahead) => Finding::warning(format!(
            "{place} holds {keys} key(s), dated {} minutes in the future: they are used. Is the clock of this machine behind? If it was ahead, the next fetch of the keys corrects the date",
            ahead.as_secs() / 60
        )),
    }
}

/// Checks it as the service would write it, but creates no directories.
fn can_be_written(snapshot: &Snapshot, path: &Path) -> Result<(), String> {
    place::can_be_made(path)?;
    match snapshot.try_to_replace() {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::finding::Severity;
    use std::{fs, time::Duration};
    use testkit::{ISSUER, Issuer};
    use url::Url;

    const KEYS_AT: &str = "https://auth.example/jwks.json";

    fn found(path: &Path) -> Vec<(Severity, String)> {
        let address = Address::from(Url::parse(KEYS_AT).expect("a URL"));
        let found = findings(Some(path), &address, ISSUER);
        found.into_iter().map(|finding| (finding.severity, finding.text)).collect()
    }

    fn snapshot(ahead: Duration) -> String {
        let jwks: serde_json::Value = serde_json::from_str(&Issuer::usual().key_set().to_string()).expect("a key set");
        json!({ "fetched_at": SystemClock.now().plus(ahead), "url": KEYS_AT, "issuer": ISSUER, "jwks": jwks })
            .to_string()
    }

    #[test]
    fn a_snapshot_that_cannot_be_replaced_is_an_error_and_promises_no_replacement() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("jwks.json");
        let is_error = |found: &[(Severity, String)], reason: &str| {
            assert!(!found.iter().any(|(_, text)| text.contains("replaces it")), "{found:?}");
            assert!(
                found.iter().any(|(severity, text)| *severity == Severity::Error && text.contains(reason)),
                "{found:?}"
            );
        };
        is_error(&found(directory.path()), "it is a directory");
        fs::write(&path, "SQLite format 3\0").expect("a written file");
        is_error(&found(&path), "it is not a snapshot");
        is_error(&found(&path.join("jwks.json")), "is not a directory");
    }

    #[test]
    fn a_damaged_snapshot_is_replaced_and_one_from_the_future_is_used() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("jwks.json");
        fs::write(&path, r#"{"fetched_at":"#).expect("a written file");
        let damaged = found(&path);
        assert!(
            matches!(&damaged[..], [(Severity::Warning, text)] if text.contains("it is damaged; the next fetch")),
            "{damaged:?}"
        );
        fs::write(&path, snapshot(Duration::ZERO)).expect("a written file");
        let good = found(&path);
        assert!(matches!(&good[..], [(Severity::Ok, text)] if text.contains("confirmed 0 minutes ago")), "{good:?}");
        fs::write(&path, snapshot(Duration::from_secs(3600 + 5))).expect("a written file");
        let ahead = found(&path);
        assert!(
            matches!(&ahead[..], [(Severity::Warning, text)] if text.contains("60 minutes in the future: they are used")),
            "{ahead:?}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_keys_that_anybody_may_write_is_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), snapshot(Duration::ZERO)).expect("a written file");
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o666)).expect("our own file");
        let found = found(file.path());
        assert!(
            found.iter().any(|(severity, text)| *severity == Severity::Warning && text.contains("chmod o-w")),
            "{found:?}"
        );
    }
}
