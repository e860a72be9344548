//! What a run counts, and what the counts must be.

use crate::size;
use harness::eventually;
use std::{
    io::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Refreshes that were answered with tokens.
pub const ACKNOWLEDGED: &str = "refreshes acknowledged";
/// Requests that were under way when the connection broke.
pub const CUT: &str = "requests cut";
/// Requests that a client gave up, as its contract asks.
pub const GIVEN_UP: &str = "given up";
/// Requests that were answered 503 or 429, with the time to retry.
pub const PUT_OFF: &str = "put off (503)";
/// Processes that were killed.
pub const KILLS: &str = "kills";
/// Rotations that the store had acknowledged and then forgot.
pub const ROTATIONS_LOST: &str = "acknowledged rotations lost";
/// Records that the store had acknowledged and then forgot.
pub const RECORDS_LOST: &str = "records lost";
/// Attempts to refresh what had ended before, all refused.
pub const REFUSED: &str = "ended sessions refused";
/// Must stay zero: sessions of clients that kept to the contract, refused as ended.
pub const SESSIONS_LOST: &str = "sessions lost";
/// Must stay zero: sessions with two tokens that can both be used.
pub const FORKS: &str = "forks";
/// Must stay zero: ended sessions that refreshed.
pub const REVIVED: &str = "ended sessions revived";

/// How long a run waits for progress. A busy machine may be slow; a stuck service is still found.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The counts of one run, in the order in which they were first mentioned.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: Mutex<Vec<(&'static str, u64)>>,
    /// Details of what should never happen.
    incidents: Mutex<Vec<String>>,
}

impl Ledger {
    /// Counts.
    pub fn add(&self, what: &'static str, many: u64) {
        let mut counts = lock(&self.counts);
        match counts.iter_mut().find(|(name, _)| *name == what) {
            Some((_, count)) => *count += many,
            None => counts.push((what, many)),
        }
    }

    /// Counts one, and keeps its details in case the run fails.
    pub fn incident(&self, what: &'static str, details: String) {
        self.add(what, 1);
        lock(&self.incidents).push(format!("{what}: {details}"));
    }

    /// The count so far.
    pub fn count(&self, what: &'static str) -> u64 {
        lock(&self.counts).iter().find(|(name, _)| *name == what).map_or(0, |(_, count)| *count)
    }

    /// Waits until this many more have been counted.
    pub async fn more(&self, what: &'static str, many: u64) {
        let enough = self.count(what) + many;
        eventually(&format!("{many} more {what}; so far: {}", self.line()), TIMEOUT, || async {
            (self.count(what) >= enough).then_some(())
        })
        .await;
    }

    /// Prints the line of the run.
    ///
    /// # Panics
    /// When one of `struck` was not seen (the run proved nothing), or one of `never` was.
    pub fn conclude(&self, run: &str, struck: &[&'static str], never: &[&'static str]) {
        never.iter().for_each(|what| self.add(what, 0));
        let line = format!("{run}: {}", self.line());
        if size::is_shown() {
            // Not captured, unlike the test's output. A closed stderr is not a reason to fail.
            drop(writeln!(std::io::stderr().lock(), "{line}"));
        } else {
            println!("{line}");
        }
        for what in never {
            assert_eq!(self.count(what), 0, "{line}\n{}", lock(&self.incidents).join("\n"));
        }
        for what in struck {
            assert!(self.count(what) > 0, "the fault has not struck: {what} is 0\n{line}");
        }
    }

    fn line(&self) -> String {
        let counts = lock(&self.counts);
        counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
