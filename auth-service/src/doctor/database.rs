//! The database: its tables, whether it accepts writes, and whether they survive a power failure.

use super::Finding;
use crate::{
    domain::Unavailable,
    storage::sql::{DatabaseState, EXTENSION},
};

/// `writing` is `None` if there are no tables to write to.
pub(super) fn findings(state: Result<&DatabaseState, &str>, writing: Option<&Result<(), Unavailable>>) -> Vec<Finding> {
    match state {
        Ok(state) => {
            let mut findings = vec![tables(state)];
            findings.extend(encoding(state));
            findings.extend(writing.map(|writing| takes_writes(state.kind, writing)));
            findings.extend(durability(state));
            findings.extend(searches(state));
            findings
        }
        Err(reason) => vec![Finding::error(format!("AUTH_DATABASE_URL: {reason}"))],
    }
}

/// What to do about a database that does not answer.
pub(super) fn absent(error: &Unavailable) -> String {
    format!(
        "{error}; start the database (before the first start of the service, start that), and make it reachable from this machine"
    )
}

fn tables(state: &DatabaseState) -> Finding {
    let (kind, known) = (state.kind, state.known_version);
    match state.version {
        None if let Some(names) = &state.foreign => Finding::error(format!(
            "{kind} holds tables of another application ({names}): point AUTH_DATABASE_URL at a database for auth-service alone"
        )),
        None => Finding::error(format!(
            "{kind} has no tables of auth-service yet: the first start of the service makes them"
        )),
        Some(version) if version < known => Finding::note(format!(
            "{kind} schema {version} is older than this program's ({known}): the next start updates it"
        )),
        Some(version) if version > known => Finding::note(format!(
            "{kind} schema {version} is newer than this program's ({known}): newer additions are ignored"
        )),
        Some(version) => Finding::ok(format!("{kind} answers, with schema {version}")),
    }
}

fn encoding(state: &DatabaseState) -> Option<Finding> {
    let encoding = state.encoding.as_deref().filter(|encoding| *encoding != "UTF8")?;
    Some(Finding::error(format!(
        "the database has the encoding {encoding}, which cannot hold every name: make one with `createdb --encoding=UTF8 --template=template0 …`, move the data with pg_dump and pg_restore, and point AUTH_DATABASE_URL at it"
    )))
}

fn takes_writes(kind: &str, writing: &Result<(), Unavailable>) -> Finding {
    match writing {
        Ok(()) => Finding::ok(format!("{kind} accepts writes")),
        Err(error) => Finding::error(format!(
            "AUTH_DATABASE_URL: {error}; until it accepts writes, nobody can register, log out or change a password"
        )),
    }
}

fn searches(state: &DatabaseState) -> Option<Finding> {
    (state.version.is_some() && state.has_search_index == Some(false)).then(|| {
        Finding::note(format!(
            "admins' searches scan all users: run `{EXTENSION}` as the owner of the database, and the service makes an index within an hour"
        ))
    })
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
            foreign: None,
            encoding: Some("UTF8".to_owned()),
            has_search_index: Some(true),
            now: Timestamp::from_secs(0),
            secret_check: None,
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn severities(version: Option<i64>, settings: &[(&str, &str)]) -> Vec<Severity> {
        findings(Ok(&state(version, settings)), None).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn tables_of_other_versions_are_named() {
        assert_eq!(
            [None, Some(2), Some(3), Some(4)].map(|version| severities(version, &[])[0]),
            [Severity::Error, Severity::Note, Severity::Ok, Severity::Note]
        );
    }

    #[test]
    fn refused_writes_and_a_wrong_encoding_are_errors_and_a_slow_search_is_a_note() {
        let refused = Err(Unavailable { store: "the database", cause: "read-only".to_owned() });
        let with = |state: &DatabaseState, writing| {
            findings(Ok(state), Some(writing)).iter().map(|finding| finding.severity).collect::<Vec<_>>()
        };
        let sound = state(Some(3), &[]);
        assert_eq!(with(&sound, &Ok(())), [Severity::Ok, Severity::Ok]);
        assert_eq!(with(&sound, &refused), [Severity::Ok, Severity::Error]);
        let latin = DatabaseState { encoding: Some("LATIN1".to_owned()), ..sound.clone() };
        assert_eq!(with(&latin, &Ok(())), [Severity::Ok, Severity::Error, Severity::Ok]);
        let slow = DatabaseState { has_search_index: Some(false), ..sound };
        assert_eq!(with(&slow, &Ok(())), [Severity::Ok, Severity::Ok, Severity::Note]);
    }

    #[test]
    fn settings_that_lose_data_in_a_power_failure_are_reported() {
        assert_eq!(severities(Some(3), &[("fsync", "on"), ("synchronous_commit", "on")]), [Severity::Ok]);
        assert_eq!(severities(Some(3), &[("fsync", "off")]), [Severity::Ok, Severity::Warning]);
        assert_eq!(severities(Some(3), &[("synchronous_commit", "off")]), [Severity::Ok, Severity::Note]);
    }
}
