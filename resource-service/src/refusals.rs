//! Notices when all tokens are refused for one reason: more often a wrong setting or clock than an attack.

use shared::metrics::{Verdicts, verdicts};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How often the counters are read.
const PACE: Duration = Duration::from_secs(5);
/// This many refusals, without an accepted token in between, are not an accident.
const ENOUGH: u64 = 10;
/// If no reason has nine tenths of this many refusals, there is no single cause.
const BATCH: u64 = 2 * ENOUGH;
/// Each reason is logged at most once in this time, so that bad tokens cannot fill the log.
const QUIET: Duration = Duration::from_secs(10 * 60);

/// Reads the counters for as long as the runtime lives. Requests only count.
pub fn watch() {
    tokio::spawn(async {
        let mut run = Run::since(verdicts());
        loop {
            tokio::time::sleep(PACE).await;
            if let Some((reason, count)) = run.look(verdicts(), Instant::now()) {
                tracing::warn!(reason, count, "no access token is accepted: {}", cause(reason));
            }
        }
    });
}

/// The likely cause, and what to check.
fn cause(reason: &str) -> &'static str {
    match reason {
        "issuer" => {
            "their issuer is not RESOURCE_ISSUER, which must equal the AUTH_PUBLIC_URL of auth-service byte by byte"
        }
        "audience" => "their audience is not RESOURCE_AUDIENCE, which must be the AUTH_AUDIENCE of auth-service",
        "not_yet_valid" => "they are dated in the future; is the clock of this machine behind?",
        "expired" => "they have expired; is the clock of this machine ahead, or does a client not refresh?",
        "ended" => "their sessions have ended; does a client go on with a token from before a logout?",
        "unknown_key" => {
            "their key is not in the key set of RESOURCE_JWKS_URL or RESOURCE_JWKS_FILE; is it another issuer's?"
        }
        "signature" => {
            "their signature does not match the published key; is RESOURCE_JWKS_URL that of another auth-service?"
        }
        "type" => "they are not access tokens; does a client send its refresh token or ID token?",
        _ => "they are not tokens as auth-service issues them; does a client or a proxy send something else?",
    }
}

/// Refusals since the last token that was accepted.
struct Run {
    seen: Verdicts,
    /// By reason.
    refused: Counts,
    /// Of these, those since the last verdict. Earlier ones say nothing about a new reason.
    batch: Counts,
    said: HashMap<&'static str, Instant>,
}

type Counts = HashMap<&'static str, u64>;

impl Run {
    fn since(seen: Verdicts) -> Self {
        Self { seen, refused: Counts::new(), batch: Counts::new(), said: HashMap::new() }
    }

    /// The reason and the number of refusals, if they should be logged now.
    fn look(&mut self, seen: Verdicts, now: Instant) -> Option<(&'static str, u64)> {
        let before = std::mem::replace(&mut self.seen, seen);
        if self.seen.accepted > before.accepted {
            self.refused.clear();
            self.batch.clear();
            return None;
        }
        for ((reason, count), (_, earlier)) in self.seen.refused.iter().zip(before.refused) {
            let more = count.saturating_sub(earlier);
            *self.refused.entry(reason).or_default() += more;
            *self.batch.entry(reason).or_default() += more;
        }
        let reason = self.judged()?;
        if self.said.get(reason).is_some_and(|said| now.duration_since(*said) < QUIET) {
            return None;
        }
        self.said.insert(reason, now);
        Some((reason, self.refused[reason]))
    }

    /// The reason for all refusals in the batch except a few strays. A batch that is large enough ends either way.
    fn judged(&mut self) -> Option<&'static str> {
        let total: u64 = self.batch.values().sum();
        let (reason, count) = self.batch.iter().max_by_key(|(_, count)| **count)?;
        let verdict = (*count >= ENOUGH && count * 10 >= total * 9).then_some(*reason);
        if verdict.is_some() || total >= BATCH {
            self.batch.clear();
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(accepted: u64, refused: &[(&'static str, u64)]) -> Verdicts {
        Verdicts { accepted, refused: refused.to_vec() }
    }

    fn seen(audience: u64, expired: u64, accepted: u64) -> Verdicts {
        verdicts(accepted, &[("audience", audience), ("expired", expired)])
    }

    #[test]
    fn one_reason_for_all_refusals_is_logged_once() {
        let mut run = Run::since(seen(0, 0, 7));
        let began = Instant::now();
        assert_eq!(run.look(seen(9, 0, 7), began), None, "that may be an accident");
        assert_eq!(run.look(seen(10, 0, 7), began), Some(("audience", 10)));
        assert_eq!(run.look(seen(50, 0, 7), began), None, "it was logged");
        assert_eq!(run.look(seen(60, 0, 7), began + QUIET), Some(("audience", 60)), "and is still true");
    }

    #[test]
    fn one_accepted_token_or_several_reasons_are_not_worth_a_line() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(20, 0, 1), began), None, "one was accepted in between");
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(20, 5, 0), began), None);
        assert_eq!(run.look(seen(90, 9, 0), began), Some(("audience", 90)), "the few are strays");
    }

    #[test]
    fn a_new_reason_is_logged_whatever_came_before() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(100, 0, 0), began), Some(("audience", 100)));
        assert_eq!(run.look(seen(100, 20, 0), began), Some(("expired", 20)));
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(100, 0, 0), began), Some(("audience", 100)));
        assert_eq!(run.look(seen(900, 0, 0), began), None, "it was logged");
        assert_eq!(run.look(seen(901, 9, 0), began), None, "that may be an accident");
        assert_eq!(run.look(seen(901, 10, 0), began), Some(("expired", 10)));
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(500, 500, 0), began), None, "two reasons");
        assert_eq!(run.look(seen(500, 510, 0), began), Some(("expired", 510)));
    }

    #[test]
    fn alternating_reasons_cause_one_line_each() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        let rounds = (1..100).flat_map(|round| [(100 * round, 100 * (round - 1)), (100 * round, 100 * round)]);
        let said = rounds.filter_map(|(audience, expired)| run.look(seen(audience, expired, 0), began));
        assert_eq!(said.collect::<Vec<_>>(), [("audience", 100), ("expired", 100)]);
    }

    #[test]
    fn each_reason_has_its_own_quiet_time() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(10, 0, 0), began), Some(("audience", 10)));
        assert_eq!(run.look(seen(10, 0, 1), began), None);
        assert_eq!(run.look(seen(10, 10, 1), began), Some(("expired", 10)));
        assert_eq!(run.look(seen(10, 10, 2), began), None);
        assert_eq!(run.look(seen(30, 10, 2), began), None, "a stranger cannot write line after line");
    }
}
