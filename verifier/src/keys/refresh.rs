//! The background task that keeps published keys fresh.

use super::{
    failures::Failures,
    fetch::FetchError,
    publisher::{Answer, Publisher, Question},
    snapshot::Snapshot,
    state::{Origin, State},
    unused::Unused,
};
use crate::{KeySet, clock::Timestamp};
use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex},
    time::Duration,
};

/// After new keys were checked, nothing is fetched for this many times as long: a publisher whose keys always change
/// takes at most a tenth of one core.
const REST_AFTER_JUDGING: u32 = 9;

/// How often things happen. Tests are in more of a hurry than services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The shortest wait after a success.
    pub(super) shortest: Duration,
    /// The longest wait after a success.
    pub(super) longest: Duration,
    /// The `max-age` of a publisher that does not send one.
    pub(super) default_max_age: Duration,
    /// The first wait after a failure; it doubles.
    pub(super) retry: Duration,
    /// The longest wait after failures while there is no key at all.
    pub(super) longest_retry_without_keys: Duration,
    /// The longest wait after failures otherwise.
    pub(super) longest_retry: Duration,
    /// At most one fetch for unknown keys in this time.
    pub(super) cooldown: Duration,
    /// How long a fetch may take, body included.
    pub(super) fetch: Duration,
    /// How often a pinned file is read.
    pub(super) file: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(30 * 60),
            default_max_age: Duration::from_secs(5 * 60),
            retry: Duration::from_secs(1),
            longest_retry_without_keys: Duration::from_secs(3),
            longest_retry: Duration::from_secs(30),
            cooldown: Duration::from_secs(10),
            fetch: Duration::from_secs(5),
            file: Duration::from_secs(1),
        }
    }
}

impl Pace {
    /// Half of what is left of `max-age`, so that keys are renewed before they are stale, spread by a tenth either way.
    fn after_success(&self, remaining: Option<Duration>) -> Duration {
        let half = remaining.unwrap_or(self.default_max_age) / 2;
        jittered(half.min(self.longest)).max(self.shortest)
    }

    fn after_failures(&self, failures: u32, has_keys: bool) -> Duration {
        let longest = if has_keys { self.longest_retry } else { self.longest_retry_without_keys };
        jittered(self.retry.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest))
    }
}

/// Nine to eleven tenths, so that many verifiers do not ask at the same moment.
pub(crate) fn jittered(span: Duration) -> Duration {
    let thousandths = RandomState::new().hash_one(()) % 200;
    span.mul_f64(0.9 + thousandths as f64 / 1000.0)
}

/// Loads the snapshot, if it is good, and then goes on fetching until it is aborted.
pub(super) async fn follow(keys: Arc<State>, publisher: Publisher, snapshot: Option<Snapshot>, pace: Pace) {
    let snapshot = snapshot.map(|snapshot| Arc::new(Mutex::new(snapshot)));
    let mut task = Refresh {
        keys: Arc::clone(&keys),
        publisher,
        snapshot,
        failures: Failures::default(),
        unused: Unused::default(),
    };
    task.take_snapshot().await;
    keys.has_looked();
    let Some(demand) = &keys.demand else { return };
    loop {
        let question = if demand.fetch_begins() { Question::WhatIsThere } else { Question::WhatIsNew };
        let wait = task.fetch(question, &pace).await;
        demand.fetch_ended();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = demand.asked() => {}
        }
    }
}

struct Refresh {
    keys: Arc<State>,
    publisher: Publisher,
    /// Read and written on other threads, since either may block.
    snapshot: Option<Arc<Mutex<Snapshot>>>,
    failures: Failures,
    unused: Unused,
}

impl Refresh {
    async fn take_snapshot(&self) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let now = self.keys.clock.now();
        let load = tokio::task::spawn_blocking(move || snapshot.lock().ok()?.load(now));
        match tokio::time::timeout(super::PATIENCE, load).await {
            Ok(Ok(Some(kept))) => {
                tracing::info!(keys = kept.keys.len(), "starting with the keys of the snapshot");
                self.keys.replace(kept.keys, Origin::Snapshot, kept.confirmed_at.min(now));
            }
            Ok(_) => {}
            Err(_) => tracing::warn!("reading the snapshot of the keys takes too long: starting without it"),
        }
    }

    /// Fetches once, and returns how long to wait before the next fetch.
    async fn fetch(&mut self, question: Question, pace: &Pace) -> Duration {
        let wait = match self.publisher.fetch(question, self.keys.clock.now()).await {
            Ok(answer) => {
                self.keys.observer.keys_fetched(Ok(()));
                let remaining = answer.remaining;
                self.take(answer);
                pace.after_success(remaining)
            }
            Err(error) => {
                self.keys.observer.keys_fetched(Err(&error));
                self.complain(&error);
                self.keys.doubt();
                pace.after_failures(self.failures.count(), self.keys.held().is_some())
            }
        };
        wait.max(self.publisher.time_spent_judging() * REST_AFTER_JUDGING)
    }

    fn take(&mut self, answer: Answer) {
        if let Some(failures) = self.failures.end() {
            tracing::info!(failures, "fetching keys works again");
        }
        let now = self.keys.clock.now();
        let known = self.keys.keys();
        let Some(keys) = self.news(answer, known.as_ref()).or(known) else { return };
        self.keys.replace(Arc::clone(&keys), Origin::Published, now);
        self.keys.call_it(self.publisher.etag().and_then(|etag| etag.to_str().ok()));
        self.keep(keys, now);
    }

    /// The fetched keys, unless they are the known ones.
    fn news(&mut self, answer: Answer, known: Option<&Arc<KeySet>>) -> Option<Arc<KeySet>> {
        let keys = answer.keys?;
        self.unused.say(&answer.unused);
        if known.is_some_and(|known| **known == keys) {
            return None;
        }
        self.keys.say_what_changes(&keys);
        Some(Arc::new(keys))
    }

    /// Nothing waits for the file. While one attempt is under way, no other begins.
    fn keep(&self, keys: Arc<KeySet>, now: Timestamp) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        tokio::task::spawn_blocking(move || {
            if let Ok(mut snapshot) = snapshot.try_lock() {
                snapshot.keep(&keys, now);
            }
        });
    }

    /// Logs each reason as a warning once, until a fetch succeeds, and repetitions at the level DEBUG.
    fn complain(&mut self, error: &FetchError) {
        let reason = error.to_string();
        if self.failures.add(&reason) {
            tracing::warn!(error = reason, "cannot fetch keys: keeping the current ones, if any, and trying again");
        } else {
            tracing::debug!(error = reason, failures = self.failures.count(), "still cannot fetch keys");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_after_half_of_their_max_age_and_at_most_once_a_second() {
        let pace = Pace::default();
        let seconds = |max_age: u64| pace.after_success(Some(Duration::from_secs(max_age))).as_secs_f64();
        assert!((135.0..=165.0).contains(&seconds(300)));
        assert!((1.0..1.11).contains(&seconds(0)));
        assert!((1.0..1.11).contains(&seconds(1)));
        assert!(seconds(u64::MAX) <= 30.0 * 60.0 * 1.1);
    }

    #[test]
    fn without_any_key_retries_stay_quick() {
        let pace = Pace::default();
        assert!(pace.after_failures(1, false) <= Duration::from_millis(1100));
        assert!(pace.after_failures(u32::MAX, false) <= Duration::from_millis(3300));
        assert!(pace.after_failures(u32::MAX, true) >= Duration::from_secs(27));
    }
}
