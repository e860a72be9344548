//! Detects that the process stalled: frozen, swapped out, or starved of processor time. Clients may have given up the
//! requests that wait after a stall, and gone on: their own outdated tokens would then look like a theft.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often the thread beats.
const BEAT: Duration = Duration::from_millis(200);
/// Without a beat for this long, the process has stalled.
const STALL: Duration = Duration::from_secs(1);
/// After a stall, requests are suspect for as long again, within these bounds: the backlog takes time to drain.
const MIN_AFTERMATH: Duration = Duration::from_millis(500);
const MAX_AFTERMATH: Duration = Duration::from_secs(2);

/// A thread that beats, and when it last did. Times are milliseconds since it began.
pub struct StallDetector {
    began: Instant,
    last: AtomicU64,
    suspect_until: AtomicU64,
}

impl StallDetector {
    /// Starts the thread, which beats as long as the process lives.
    ///
    /// # Panics
    /// If the operating system cannot start a thread.
    #[must_use]
    pub fn start() -> &'static Self {
        let detector: &'static Self = Box::leak(Box::new(Self::at_rest()));
        let beat = move || {
            loop {
                thread::sleep(BEAT);
                detector.beat(detector.began.elapsed());
            }
        };
        thread::Builder::new().name("pulse".to_owned()).spawn(beat).expect("the operating system gives a thread");
        detector
    }

    fn at_rest() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0), suspect_until: AtomicU64::new(0) }
    }

    /// Whether the process stalled shortly before `begun` or at any time since, so that what was begun then may have
    /// waited long.
    #[must_use]
    pub fn stalled_since(&self, begun: Instant) -> bool {
        self.is_suspect(begun.saturating_duration_since(self.began), self.began.elapsed())
    }

    fn beat(&self, now: Duration) {
        let now = millis(now);
        let last = self.last.swap(now, Ordering::Relaxed);
        let gap = now.saturating_sub(last);
        if gap > millis(STALL) {
            let aftermath = gap.clamp(millis(MIN_AFTERMATH), millis(MAX_AFTERMATH));
            self.suspect_until.store(now + aftermath, Ordering::Relaxed);
        }
    }

    fn is_suspect(&self, begun: Duration, now: Duration) -> bool {
        let since_beat = millis(now).saturating_sub(self.last.load(Ordering::Relaxed));
        since_beat > millis(STALL) || millis(begun) < self.suspect_until.load(Ordering::Relaxed)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn beating_until(last: u64) -> StallDetector {
        let detector = StallDetector::at_rest();
        (1..=last / 200).for_each(|beat| detector.beat(at(beat * 200)));
        detector
    }

    #[test]
    fn a_gap_between_beats_is_suspect_before_and_for_a_while_after_it_is_noticed() {
        let detector = beating_until(600);
        assert!(!detector.is_suspect(at(1_600), at(1_600)));
        assert!(detector.is_suspect(at(1_601), at(1_601)), "a request before the next beat is suspect as well");
        detector.beat(at(1_700));
        assert!(detector.is_suspect(at(2_799), at(2_799)));
        detector.beat(at(1_900));
        assert!(!detector.is_suspect(at(2_800), at(2_800)), "as long again");
    }

    #[test]
    fn after_a_long_gap_two_seconds_are_suspect() {
        let detector = beating_until(600);
        detector.beat(at(60_000));
        assert!(detector.is_suspect(at(61_999), at(61_999)));
        (1..=10).for_each(|beat| detector.beat(at(60_000 + beat * 200)));
        assert!(!detector.is_suspect(at(62_000), at(62_000)));
    }

    #[test]
    fn what_was_begun_before_or_soon_after_a_gap_stays_suspect_however_long_it_takes() {
        let detector = beating_until(600);
        detector.beat(at(1_700));
        (1..=60).for_each(|beat| detector.beat(at(1_700 + beat * 200)));
        assert!(detector.is_suspect(at(500), at(13_700)), "it was under way");
        assert!(detector.is_suspect(at(2_799), at(13_700)), "it may have waited");
        assert!(!detector.is_suspect(at(2_800), at(13_700)));
    }
}
