//! How often the reader of the feed does what.

use crate::keys::refresh::jittered;
use std::time::Duration;

/// The longest that the feed is asked to wait for news: a third of the time within which it must be fresh, so that an
/// answer may be late without harm.
pub(crate) fn wait_for(fresh_within: Duration) -> Duration {
    Duration::from_secs((fresh_within / 3).as_secs().clamp(1, 25))
}

/// How often things happen. Tests are in more of a hurry than services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The time between reading everything and doing so again.
    pub(crate) full: Duration,
    /// The first wait after a failure; it doubles.
    pub(crate) retry: Duration,
    /// The longest wait after failures.
    pub(crate) longest_retry: Duration,
    /// The wait when the issuer has no feed.
    pub(crate) absent: Duration,
    /// The shortest time between two questions, unless there is more to read.
    pub(crate) shortest: Duration,
    /// The shortest time between two questions when the first was answered with nothing.
    pub(crate) idle: Duration,
    /// How often what has expired is dropped.
    pub(crate) sweep: Duration,
    /// The shortest time between two writings of the snapshot.
    pub(crate) keep: Duration,
    /// The shortest time between two fetches of keys that the feed calls changed.
    pub(crate) notice: Duration,
    /// The longest of these times: it doubles while the keys do not become what the feed says.
    pub(crate) longest_notice: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            full: Duration::from_secs(5 * 60),
            retry: Duration::from_millis(250),
            longest_retry: Duration::from_secs(5),
            absent: Duration::from_secs(60),
            shortest: Duration::from_millis(100),
            idle: Duration::from_secs(1),
            sweep: Duration::from_secs(60),
            keep: Duration::from_secs(3),
            notice: Duration::from_secs(1),
            longest_notice: Duration::from_secs(5 * 60),
        }
    }
}

impl Pace {
    pub(super) fn after_failures(&self, failures: u32) -> Duration {
        jittered(self.retry.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.longest_retry))
    }

    /// Four to six fifths, so that many verifiers do not read everything at the same moment.
    pub(super) fn until_full(&self) -> Duration {
        self.full + jittered(self.full).mul_f64(2.0) - self.full * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_waits_for_a_third_of_what_is_fresh_and_for_25_seconds_at_most() {
        let wait = |seconds| wait_for(Duration::from_secs(seconds)).as_secs();
        assert_eq!([0, 3, 10, 75, 600].map(wait), [1, 1, 3, 25, 25]);
    }

    #[test]
    fn everything_is_read_again_after_four_to_six_minutes() {
        let pace = Pace::default();
        for _ in 0..1000 {
            assert!((239.0..=361.0).contains(&pace.until_full().as_secs_f64()));
        }
        assert!(pace.after_failures(1) <= Duration::from_millis(275));
        assert!((4.5..=5.5).contains(&pace.after_failures(u32::MAX).as_secs_f64()));
    }
}
