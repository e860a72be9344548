//! Redis: whether it accepts and keeps what is written.

use super::Finding;
use crate::{domain::Unavailable, storage::redis::RedisState};

pub(super) fn findings(states: Result<&[RedisState], &Unavailable>, writing: &Result<(), Unavailable>) -> Vec<Finding> {
    match (states, writing) {
        (Ok(states), Ok(())) => states.iter().flat_map(of_server).collect(),
        (Ok(states), Err(error)) => states.iter().flat_map(of_server).chain([refused(error)]).collect(),
        // An ACL may keep INFO from auth-service's user.
        (Err(_), Ok(())) => {
            vec![Finding::note("Redis accepts writes; its user may not read INFO, so its settings are not checked")]
        }
        (Err(_), Err(error)) => vec![refused(error)],
    }
}

fn refused(error: &Unavailable) -> Finding {
    Finding::error(format!(
        "AUTH_REDIS_URL: {error}; without Redis nobody can log in or refresh: make sure that it runs, can be reached, and accepts writes"
    ))
}

fn of_server(state: &RedisState) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(format!("Redis {} answers", state.version)), eviction(state)];
    findings.extend(memory(state));
    findings.extend(persistence(state));
    findings
}

fn eviction(state: &RedisState) -> Finding {
    match state.eviction.as_str() {
        "noeviction" => Finding::ok("Redis evicts nothing (maxmemory-policy noeviction)"),
        "" => Finding::note("Redis does not report its maxmemory-policy: make sure that it is noeviction"),
        policy => Finding::warning(format!(
            "Redis evicts sessions and counts of failed logins when its memory is full (maxmemory-policy {policy}): set it to noeviction, and maxmemory to what it needs"
        )),
    }
}

/// With noeviction, a full Redis accepts no writes; with any other policy it is normally full.
fn memory(state: &RedisState) -> Option<Finding> {
    if state.eviction != "noeviction" {
        return None;
    }
    let percent = state.memory_used.saturating_mul(100).checked_div(state.memory_limit)?;
    let tell = |what| format!("Redis uses {percent} % of its maxmemory ({} MiB): {what}", state.memory_limit >> 20);
    match percent {
        0..80 => Some(Finding::ok(tell("there is room"))),
        80..100 => Some(Finding::warning(tell("raise it before it is full, or nobody can log in or refresh"))),
        _ => Some(Finding::error(tell("it takes nothing more, and nobody can log in or refresh: raise it"))),
    }
}

fn persistence(state: &RedisState) -> Option<Finding> {
    (!state.appends && state.saves == Some(false)).then(|| {
        Finding::note(
            "Redis writes nothing to disk: a restart loses the session records. Sessions continue from their tokens, but a device is missing from lists until it is used again, a theft just before goes unnoticed, and counts of failed logins start at zero; `appendonly yes` prevents that",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    fn severities(eviction: &str, appends: bool, saves: Option<bool>) -> Vec<Severity> {
        let state = RedisState {
            version: "7.0.15".to_owned(),
            eviction: eviction.to_owned(),
            memory_limit: 0,
            memory_used: 1 << 20,
            appends,
            saves,
            now: None,
        };
        findings(Ok(&[state]), &Ok(())).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn eviction_is_a_warning() {
        assert_eq!(severities("noeviction", true, None), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities("allkeys-lru", true, None), [Severity::Ok, Severity::Warning]);
        assert_eq!(severities("", true, None), [Severity::Ok, Severity::Note]);
    }

    #[test]
    fn a_redis_that_is_nearly_full_is_a_warning_and_a_full_one_an_error() {
        let severity = |memory_used: u64, memory_limit: u64| {
            let state = RedisState {
                version: "7.0.15".to_owned(),
                eviction: "noeviction".to_owned(),
                memory_limit,
                memory_used,
                appends: true,
                saves: None,
                now: None,
            };
            memory(&state).map(|finding| finding.severity)
        };
        assert_eq!(severity(1000, 0), None, "no limit");
        assert_eq!(severity(79, 100), Some(Severity::Ok));
        assert_eq!(severity(80, 100), Some(Severity::Warning));
        assert_eq!(severity(100, 100), Some(Severity::Error));
        assert_eq!(severity(u64::MAX, 100), Some(Severity::Error));
    }

    #[test]
    fn a_redis_in_memory_only_is_a_note() {
        assert_eq!(severities("noeviction", false, Some(false)), [Severity::Ok, Severity::Ok, Severity::Note]);
        assert_eq!(severities("noeviction", false, Some(true)), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities("noeviction", true, Some(false)), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities("noeviction", false, None), [Severity::Ok, Severity::Ok]);
    }

    #[test]
    fn a_redis_that_refuses_writes_is_an_error_whatever_it_reports() {
        let lost = Unavailable { store: "Redis", cause: "Connection refused".to_owned() };
        let worst = |states, writing| findings(states, writing).iter().map(|finding| finding.severity).max();
        let refused = Err(lost.clone());
        assert_eq!(worst(Err(&lost), &refused), Some(Severity::Error));
        assert_eq!(worst(Ok(&[]), &refused), Some(Severity::Error));
        assert_eq!(worst(Err(&lost), &Ok(())), Some(Severity::Note));
    }
}
