//! How late this machine is: a promise of a second means a second in which the machine runs.

use std::{
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const BEAT: Duration = Duration::from_millis(5);

/// Up to this, a thread is not late.
const USUAL: Duration = Duration::from_millis(15);

/// By how much a thread that only sleeps was woken up late, in all, in milliseconds.
static LATE: AtomicU64 = AtomicU64::new(0);

/// Lateness from a moment on.
#[derive(Debug, Clone, Copy)]
pub struct Lateness {
    before: u64,
}

impl Lateness {
    /// From now on.
    ///
    /// # Panics
    /// If the operating system gives no thread.
    #[must_use]
    pub fn from_now() -> Self {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            thread::Builder::new()
                .name("lateness".to_owned())
                .spawn(beat)
                .expect("the operating system gives a thread");
        });
        Self { before: LATE.load(Ordering::Relaxed) }
    }

    /// How late the machine has been since.
    #[must_use]
    pub fn so_far(&self) -> Duration {
        Duration::from_millis(LATE.load(Ordering::Relaxed) - self.before)
    }
}

fn beat() {
    loop {
        let asleep = Instant::now();
        thread::sleep(BEAT);
        let late = asleep.elapsed().saturating_sub(BEAT);
        if late > USUAL {
            LATE.fetch_add(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}
