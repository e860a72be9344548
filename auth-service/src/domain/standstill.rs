//! Notices that the process stood still: frozen, swapped out, starved. What it finds waiting for it afterwards may be long
//! given up by the clients that sent it: they have gone on, and their own outdated tokens would look like a theft.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often the pulse beats.
const BEAT: Duration = Duration::from_millis(200);
/// Without a beat for so long, the process stood still.
const STILL: Duration = Duration::from_secs(1);
/// For so long after that, what is begun may have waited.
const AFTERMATH: Duration = Duration::from_millis(500);

/// A thread that beats, and what its beats tell. Times are milliseconds since it began.
pub struct Pulse {
    began: Instant,
    last: AtomicU64,
    suspect_until: AtomicU64,
}

impl Pulse {
    /// Begins to beat, for as long as the process lives.
    ///
    /// # Panics
    /// If the operating system gives no thread.
    #[must_use]
    pub fn start() -> &'static Self {
        let pulse: &'static Self = Box::leak(Box::new(Self::at_rest()));
        let beat = move || {
            loop {
                thread::sleep(BEAT);
                pulse.beat(pulse.began.elapsed());
            }
        };
        thread::Builder::new().name("pulse".to_owned()).spawn(beat).expect("the operating system gives a thread");
        pulse
    }

    fn at_rest() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0), suspect_until: AtomicU64::new(0) }
    }

    /// Whether the process has just stood still, so that a request that begins now may have waited for long.
    #[must_use]
    pub fn has_just_stood_still(&self) -> bool {
        self.is_suspect(self.began.elapsed())
    }

    fn beat(&self, now: Duration) {
        let now = millis(now);
        let last = self.last.swap(now, Ordering::Relaxed);
        if now.saturating_sub(last) > millis(STILL) {
            self.suspect_until.store(now + millis(AFTERMATH), Ordering::Relaxed);
        }
    }

    fn is_suspect(&self, now: Duration) -> bool {
        let now = millis(now);
        let since_beat = now.saturating_sub(self.last.load(Ordering::Relaxed));
        since_beat > millis(STILL) || now < self.suspect_until.load(Ordering::Relaxed)
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

    #[test]
    fn a_gap_between_beats_is_suspect_before_and_for_a_while_after_it_is_noticed() {
        let pulse = Pulse::at_rest();
        for beat in [200, 400, 600] {
            pulse.beat(at(beat));
        }
        assert!(!pulse.is_suspect(at(1_600)));
        assert!(pulse.is_suspect(at(1_601)), "whoever comes before the next beat sees it as well");
        pulse.beat(at(5_000));
        assert!(pulse.is_suspect(at(5_000)) && pulse.is_suspect(at(5_499)));
        pulse.beat(at(5_200));
        pulse.beat(at(5_400));
        assert!(!pulse.is_suspect(at(5_500)));
    }
}
