//! The database: its tables, and whether what it has acknowledged is there after a power failure.

use super::Finding;
use crate::{domain::Unavailable, storage::sql::DatabaseState};

pub(super) fn findings(state: Result<&DatabaseState, &Unavailable>) -> Vec<Finding> {
    match state {
        Ok(state) => std::iter::once(tables(state)).chain(durability(state)).collect(),
        Err(error) => vec![Finding::error(format!(
            "AUTH_DATABASE_URL: {error}; start the database, or for a first start the service, and let this machine reach it"
        ))],
    }
}

fn tables(state: &DatabaseState) -> Finding {
    let (kind, known) = (state.kind, state.known_version);
    match state.version {
        None => Finding::error(format!("{kind} has no tables of ours yet: the first start of the service makes them")),
        Some(version) if version < known => {
            Finding::note(format!("{kind} is of version {version}: the next start brings it to {known}"))
        }
        Some(version) if version > known => Finding::note(format!(
            "{kind} is of version {version}, this program of {known}: a later one was here, and what it added is left alone"
        )),
        Some(version) => Finding::ok(format!("{kind} answers, its tables are of version {version}")),
    }
}

fn durability(state: &DatabaseState) -> Vec<Finding> {
    let is_off = |name: &str| state.settings.get(name).is_some_and(|value| value == "off");
    let mut findings = Vec::new();
    if is_off("fsync") || is_off("full_page_writes") {
        findings.push(Finding::warning(
            "PostgreSQL runs with fsync or full_page_writes off: a power failure may destroy users and keys; switch both on",
        ));
    }
    if is_off("synchronous_commit") {
        findings.push(Finding::note(
            "PostgreSQL runs with synchronous_commit off; the service switches it on for its own connections",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use shared::clock::Timestamp;

    fn state(version: Option<i64>, settings: &[(&str, &str)]) -> DatabaseState {
        DatabaseState {
            kind: "PostgreSQL",
            version,
            known_version: 3,
            now: Timestamp::from_secs(0),
            secret_check: None,
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn severities(version: Option<i64>, settings: &[(&str, &str)]) -> Vec<Severity> {
        findings(Ok(&state(version, settings))).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn tables_of_other_versions_are_named() {
        assert_eq!(
            [None, Some(2), Some(3), Some(4)].map(|version| severities(version, &[])[0]),
            [Severity::Error, Severity::Note, Severity::Ok, Severity::Note]
        );
    }

    #[test]
    fn what_a_power_failure_may_cost_is_said() {
        assert_eq!(severities(Some(3), &[("fsync", "on"), ("synchronous_commit", "on")]), [Severity::Ok]);
        assert_eq!(severities(Some(3), &[("fsync", "off")]), [Severity::Ok, Severity::Warning]);
        assert_eq!(severities(Some(3), &[("synchronous_commit", "off")]), [Severity::Ok, Severity::Note]);
    }
}
