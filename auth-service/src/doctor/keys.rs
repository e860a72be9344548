//! The signing keys' ages, and which root secret is in use.

use super::Finding;
use crate::domain::{
    keys::{
        KeyPolicy,
        schedule::Schedule,
        table::{KeyRows, StoredKey},
    },
    secrets::KeyRing,
};
use std::time::Duration;

/// A running service makes the next key within this time after it is due.
const OVERDUE: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The keys that verifiers should see.
pub(super) fn published(rows: &KeyRows) -> Vec<String> {
    Schedule::at(&rows.keys, rows.now).published().into_iter().map(|key| key.kid.clone()).collect()
}

pub(super) fn ages(rows: &KeyRows, policy: &KeyPolicy) -> Option<Finding> {
    let schedule = Schedule::at(&rows.keys, rows.now);
    let Some(signing) = schedule.signing() else {
        return Some(Finding::note("there is no signing key yet: the first start of the service makes it"));
    };
    let days = rows.now.since(signing.active_at).as_secs() / DAY.as_secs();
    let what = format!("key {} has signed since {} ({days} days)", signing.kid, signing.active_at.rfc3339());
    Some(match schedule.next_due(policy.lifetime, policy.lead) {
        Some(due) if due.plus(OVERDUE) < rows.now => Finding::warning(format!(
            "{what}; the next was due on {}, and no running service has made it: start one, or read its log",
            due.rfc3339()
        )),
        Some(due) => Finding::ok(format!("{what}; the next is made on {}", due.rfc3339())),
        None => after(schedule.pending(), &what),
    })
}

fn after(pending: Option<&StoredKey>, what: &str) -> Finding {
    match pending {
        Some(next) => Finding::ok(format!("{what}; {} takes over on {}", next.kid, next.active_at.rfc3339())),
        None => Finding::note(format!(
            "{what}; only a command replaces it (AUTH_KEY_LIFETIME is 0): `auth-service keys rotate`"
        )),
    }
}

/// `None`: there is nothing to change.
pub(super) fn secret(
    secrets: &KeyRing,
    checks: &str,
    rows: Option<&KeyRows>,
    sealed_by_others: Option<u64>,
) -> Option<Finding> {
    let stored = checks.split(' ').next().unwrap_or_default();
    let is_current = stored == secrets.current().check();
    let Some(previous) = secrets.previous() else {
        return (!is_current).then(|| {
            Finding::error("AUTH_SECRET is not the secret that this database was set up with: give that one, or, to replace it, the old one as AUTH_SECRET_PREVIOUS")
        });
    };
    if !is_current && stored != previous.check() {
        return Some(Finding::error(
            "neither AUTH_SECRET nor AUTH_SECRET_PREVIOUS is the secret that this database was set up with",
        ));
    }
    // While the new secret is known but not used yet, there is nothing to remove.
    let is_replaced = checks.split(' ').skip(1).any(|replaced| replaced == previous.check());
    let is_resealed = rows.is_some_and(|rows| rows.keys.iter().all(|key| secrets.is_sealed_by_current(&key.sealed)));
    (is_current && is_replaced && is_resealed && sealed_by_others == Some(0)).then(|| {
        Finding::note("all keys and second factors are sealed under AUTH_SECRET, and AUTH_SECRET_PREVIOUS is still given: remove it once AUTH_SESSION_MAX has passed since the last replica got the new secret")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::Severity, domain::secrets::RootSecret};
    use shared::clock::Timestamp;

    fn rows(age_days: u64, sealed: Vec<u8>) -> KeyRows {
        let now = Timestamp::from_secs(1_795_219_200);
        let since = now.minus(DAY * u32::try_from(age_days).unwrap());
        let key = StoredKey {
            slot: 0,
            kid: "first".to_owned(),
            jwk: "{}".to_owned(),
            sealed,
            published_at: since,
            active_at: since,
            revoked_at: None,
            token_life: Duration::from_secs(900),
        };
        KeyRows { keys: vec![key], now }
    }

    fn policy(lifetime: Duration) -> KeyPolicy {
        KeyPolicy {
            bits: 2048,
            max_age: Duration::from_secs(300),
            lifetime,
            lead: DAY,
            token_life: Duration::from_secs(900),
        }
    }

    #[test]
    fn a_key_that_nobody_replaces_is_overdue() {
        let severity = |days, lifetime| ages(&rows(days, Vec::new()), &policy(lifetime)).unwrap().severity;
        assert_eq!(severity(3, DAY * 30), Severity::Ok);
        assert_eq!(severity(30, DAY * 30), Severity::Warning);
        assert_eq!(severity(300, Duration::ZERO), Severity::Note);
        let none = KeyRows { keys: Vec::new(), ..rows(0, Vec::new()) };
        assert_eq!(ages(&none, &policy(DAY)).unwrap().severity, Severity::Note);
    }

    fn fresh() -> RootSecret {
        RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_secret_is_the_databases_and_a_previous_one_is_not_kept_for_ever() {
        let (old, new) = (fresh(), fresh());
        let (before, during, after) =
            (KeyRing::new(&old, None), KeyRing::new(&new, Some(&old)), KeyRing::new(&new, None));
        let severity = |ring: &KeyRing, checks: &str, sealed_by: &KeyRing| {
            let rows = rows(0, sealed_by.seal("first", b"der"));
            secret(ring, checks, Some(&rows), Some(0)).map(|finding| finding.severity)
        };
        let (of_old, of_new) =
            (before.current().check(), format!("{} {}", after.current().check(), before.current().check()));
        assert_eq!(severity(&before, of_old, &before), None);
        let prepared = KeyRing::new(&old, Some(&new));
        assert_eq!(severity(&prepared, of_old, &before), None);
        assert_eq!(severity(&after, of_old, &before), Some(Severity::Error));
        assert_eq!(severity(&during, of_old, &before), None);
        assert_eq!(severity(&during, &of_new, &before), None);
        assert_eq!(severity(&during, &of_new, &after), Some(Severity::Note));
        let rows = rows(0, after.seal("first", b"der"));
        for factors in [None, Some(1)] {
            assert!(secret(&during, &of_new, Some(&rows), factors).is_none(), "second factors still need the old one");
        }
        assert_eq!(severity(&during, KeyRing::new(&fresh(), None).current().check(), &after), Some(Severity::Error));
    }
}
