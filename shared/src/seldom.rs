//! Log lines that operators need and strangers can cause at will: one an hour for each subject, for few subjects.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a subject is not reported again.
const SILENCE: Duration = Duration::from_secs(3600);
/// How many subjects are reported within that time.
const SUBJECTS: usize = 32;
/// How much of a subject's name is kept.
const NAME_BYTES: usize = 200;

/// The subjects that were reported lately.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<BTreeMap<String, Instant>>);

impl Seldom {
    /// Nothing has been reported yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Whether `subject` is to be reported now; if so, it counts as reported.
    #[must_use]
    pub fn is_due(&self, subject: &str) -> bool {
        self.is_due_at(subject, Instant::now())
    }

    fn is_due_at(&self, subject: &str, now: Instant) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.retain(|_, at| now.saturating_duration_since(*at) < SILENCE);
        let subject = &subject[..subject.floor_char_boundary(NAME_BYTES)];
        if reported.len() >= SUBJECTS || reported.contains_key(subject) {
            return false;
        }
        reported.insert(subject.to_owned(), now);
        true
    }
}

/// What a client sent, made safe for a line of a log.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(NAME_BYTES).map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_is_reported_once_an_hour() {
        let (seldom, now) = (Seldom::new(), Instant::now());
        let later = |minutes: u64| now + Duration::from_secs(60 * minutes);
        assert!(seldom.is_due_at("a", now) && seldom.is_due_at("b", now));
        assert!(!seldom.is_due_at("a", later(59)));
        assert!(seldom.is_due_at("a", later(60)));
    }

    #[test]
    fn strangers_cannot_fill_the_log_or_the_memory() {
        let (seldom, now) = (Seldom::new(), Instant::now());
        let reported = (0..1000).filter(|number| seldom.is_due_at(&number.to_string(), now)).count();
        assert_eq!(reported, SUBJECTS);
        assert!(Seldom::new().is_due_at(&"ü".repeat(1000), now));
    }

    #[test]
    fn no_control_character_reaches_a_log() {
        assert_eq!(printable(b"https://a\n\x1b[31m\xff"), "https://a??[31m?");
    }
}
