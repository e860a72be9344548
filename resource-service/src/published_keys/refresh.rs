//! The background task that keeps published keys fresh.

use super::{
    Origin, PublishedKeys,
    publisher::{Answer, FetchError, Publisher},
    snapshot::Snapshot,
};
use crate::metrics::KEY_FETCHES;
use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

/// How often things happen. Tests are in more of a hurry than services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// At least this long between fetches of keys that are there.
    pub(super) shortest: Duration,
    /// At most this long.
    pub(super) longest: Duration,
    /// `max-age` of a publisher that does not say one.
    pub(super) default_max_age: Duration,
    /// The first wait after a failure; it doubles.
    pub(super) retry: Duration,
    /// The longest wait after failures as long as there is no key at all.
    pub(super) longest_retry_without_keys: Duration,
    /// The longest wait after failures otherwise.
    pub(super) longest_retry: Duration,
    /// One fetch for unknown keys in so long.
    pub(super) cooldown: Duration,
    /// How long a fetch may take, body included.
    pub(super) fetch: Duration,
    /// How often a pinned file is looked at.
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
    /// Half of `max-age`, so that keys are renewed before they are stale, spread by a tenth either way.
    fn after_success(&self, max_age: Option<Duration>) -> Duration {
        let half = max_age.unwrap_or(self.default_max_age) / 2;
        jittered(half.min(self.longest)).max(self.shortest)
    }

    fn after_failures(&self, failures: u32, has_keys: bool) -> Duration {
        let longest = if has_keys { self.longest_retry } else { self.longest_retry_without_keys };
        jittered(self.retry.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest))
    }
}

/// Nine to eleven tenths, so that many verifiers do not ask at the same moment.
fn jittered(span: Duration) -> Duration {
    let thousandths = RandomState::new().hash_one(()) % 200;
    span.mul_f64(0.9 + thousandths as f64 / 1000.0)
}

/// Takes the snapshot, if it is good, and starts the task.
pub(super) fn follow(keys: Arc<PublishedKeys>, publisher: Publisher, snapshot: Option<Snapshot>, pace: Pace) {
    if let Some((old, fetched_at)) = snapshot.as_ref().and_then(|snapshot| snapshot.load(keys.clock.now())) {
        tracing::info!(keys = old.len(), "starting with the keys of the snapshot");
        keys.replace(Arc::new(old), Origin::Snapshot, fetched_at);
    }
    let mut task = Refresh { keys: Arc::clone(&keys), publisher, snapshot, failures: 0 };
    tokio::spawn(async move {
        let Some(demand) = &keys.demand else { return };
        loop {
            demand.fetch_begins();
            let wait = task.fetch(&pace).await;
            demand.fetch_ended();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = demand.asked() => {}
            }
        }
    });
}

struct Refresh {
    keys: Arc<PublishedKeys>,
    publisher: Publisher,
    snapshot: Option<Snapshot>,
    /// In a row.
    failures: u32,
}

impl Refresh {
    /// Fetches once, and says how long to wait before the next time.
    async fn fetch(&mut self, pace: &Pace) -> Duration {
        match self.publisher.fetch().await {
            Ok(answer) => {
                KEY_FETCHES.add("success");
                let max_age = answer.max_age;
                self.take(answer);
                pace.after_success(max_age)
            }
            Err(error) => {
                KEY_FETCHES.add("failure");
                self.complain(&error);
                self.keys.doubt();
                pace.after_failures(self.failures, self.keys.held().is_some())
            }
        }
    }

    fn take(&mut self, answer: Answer) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "keys are fetched again");
            self.failures = 0;
        }
        let now = self.keys.clock.now();
        let changed = answer.keys.is_some();
        let known = || self.keys.current.load().as_ref().map(|current| Arc::clone(&current.keys));
        let Some(keys) = answer.keys.map(Arc::new).or_else(known) else { return };
        self.keys.replace(Arc::clone(&keys), Origin::Published, now);
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.keep(&keys, now, changed);
        }
    }

    /// The first failure of a row is a warning; the others are for those who look closer.
    fn complain(&mut self, error: &FetchError) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            tracing::warn!(%error, "cannot fetch keys: keeping those at hand, if any, and trying again");
        } else {
            tracing::debug!(%error, failures = self.failures, "still cannot fetch keys");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_asked_for_at_half_of_their_age_and_at_most_once_a_second() {
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
