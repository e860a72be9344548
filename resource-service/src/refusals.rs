//! Notices that every token is refused for one reason, which is a setting or a clock more often than an attack.

use shared::metrics::{Verdicts, verdicts};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How often the counters are looked at.
const PACE: Duration = Duration::from_secs(5);
/// So many refusals with no token accepted in between are no accident.
const ENOUGH: u64 = 10;
/// So many have more than one reason if no reason has nine tenths of them.
const BATCH: u64 = 2 * ENOUGH;
/// Whoever sends bad tokens on purpose has no more than one line in so long for each reason.
const QUIET: Duration = Duration::from_secs(10 * 60);

/// Looks at the counters for as long as the runtime lives. Requests do no more than count.
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

/// The likely cause, and what to look at.
fn cause(reason: &str) -> &'static str {
    match reason {
        "issuer" => {
            "their issuer is not RESOURCE_ISSUER, which must be byte by byte the AUTH_PUBLIC_URL of auth-service"
        }
        "audience" => "their audience is not RESOURCE_AUDIENCE, which must be the AUTH_AUDIENCE of auth-service",
        "not_yet_valid" => "they are dated in the future; is the clock of this machine behind?",
        "expired" => "they have expired; is the clock of this machine ahead, or does a client not refresh?",
        "unknown_key" => {
            "nobody publishes their key where RESOURCE_JWKS_URL or RESOURCE_JWKS_FILE leads; is it another issuer's?"
        }
        "signature" => {
            "their signature is not that of the published key; does RESOURCE_JWKS_URL lead to another auth-service?"
        }
        "type" => "they are no access tokens; does a client send its refresh or ID token?",
        _ => "they are not what auth-service issues; does a client or a proxy send something else?",
    }
}

/// Refusals since the last token that was accepted.
struct Run {
    seen: Verdicts,
    /// By reason.
    refused: Counts,
    /// Of these, those that have not been judged yet. What was before says nothing of a reason that is new.
    batch: Counts,
    said: HashMap<&'static str, Instant>,
}

type Counts = HashMap<&'static str, u64>;

impl Run {
    fn since(seen: Verdicts) -> Self {
        Self { seen, refused: Counts::new(), batch: Counts::new(), said: HashMap::new() }
    }

    /// The reason and the number of refusals, if it is time to say so.
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

    /// The reason of all refusals in the batch but a few strays. A batch that is large enough ends either way.
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
    fn that_all_tokens_fail_for_one_reason_is_said_once() {
        let mut run = Run::since(seen(0, 0, 7));
        let began = Instant::now();
        assert_eq!(run.look(seen(9, 0, 7), began), None, "that may be an accident");
        assert_eq!(run.look(seen(10, 0, 7), began), Some(("audience", 10)));
        assert_eq!(run.look(seen(50, 0, 7), began), None, "it was said");
        assert_eq!(run.look(seen(60, 0, 7), began + QUIET), Some(("audience", 60)), "and is still so");
    }

    #[test]
    fn one_good_token_or_several_reasons_are_no_such_thing() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(20, 0, 1), began), None, "one was accepted in between");
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(20, 5, 0), began), None);
        assert_eq!(run.look(seen(90, 9, 0), began), Some(("audience", 90)), "the few are strays");
    }

    #[test]
    fn a_reason_that_follows_another_is_said_whatever_was_before() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(100, 0, 0), began), Some(("audience", 100)));
        assert_eq!(run.look(seen(100, 20, 0), began), Some(("expired", 20)));
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(100, 0, 0), began), Some(("audience", 100)));
        assert_eq!(run.look(seen(900, 0, 0), began), None, "it was said");
        assert_eq!(run.look(seen(901, 9, 0), began), None, "that may be an accident");
        assert_eq!(run.look(seen(901, 10, 0), began), Some(("expired", 10)));
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(500, 500, 0), began), None, "two reasons");
        assert_eq!(run.look(seen(500, 510, 0), began), Some(("expired", 510)));
    }

    #[test]
    fn whoever_changes_the_reason_again_and_again_has_one_line_for_each() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        let rounds = (1..100).flat_map(|round| [(100 * round, 100 * (round - 1)), (100 * round, 100 * round)]);
        let said = rounds.filter_map(|(audience, expired)| run.look(seen(audience, expired, 0), began));
        assert_eq!(said.collect::<Vec<_>>(), [("audience", 100), ("expired", 100)]);
    }

    #[test]
    fn each_reason_has_its_own_silence() {
        let began = Instant::now();
        let mut run = Run::since(seen(0, 0, 0));
        assert_eq!(run.look(seen(10, 0, 0), began), Some(("audience", 10)));
        assert_eq!(run.look(seen(10, 0, 1), began), None);
        assert_eq!(run.look(seen(10, 10, 1), began), Some(("expired", 10)));
        assert_eq!(run.look(seen(10, 10, 2), began), None);
        assert_eq!(run.look(seen(30, 10, 2), began), None, "a stranger cannot write line after line");
    }
}
