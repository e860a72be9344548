//! A change of the keys that the feed tells of, until they have arrived.

use super::pace::Pace;
use crate::keys::state::State;
use std::time::{Duration, Instant};

/// Whether the feed calls the keys by a tag that is not the one of those that are held.
#[derive(Default)]
pub(super) struct KeyChange(Option<Noticed>);

struct Noticed {
    tag: String,
    again_at: Instant,
    pace: Duration,
}

impl KeyChange {
    /// How long the feed is asked to wait, of `longest`: not beyond the next fetch of keys that is due.
    pub(super) fn patience(&self, longest: Duration) -> Duration {
        let due = self.0.as_ref().map(|noticed| noticed.again_at.saturating_duration_since(Instant::now()));
        due.map_or(longest, |due| Duration::from_secs(due.as_secs() + 1).min(longest))
    }

    /// Has the keys fetched if they are not the ones that the issuer publishes now.
    pub(super) fn notice(&mut self, tag: &str, keys: &State, paces: &Pace) {
        let Some(demand) = keys.demand.as_ref().filter(|_| !keys.are_called(tag)) else {
            self.0 = None;
            return;
        };
        let now = Instant::now();
        let pace = match &self.0 {
            Some(noticed) if now < noticed.again_at => return,
            Some(noticed) if noticed.tag == tag => (noticed.pace * 2).min(paces.longest_notice),
            _ => paces.notice,
        };
        self.0 = Some(Noticed { tag: tag.to_owned(), again_at: now + pace, pace });
        tracing::debug!("the feed says that the keys have changed: fetching them");
        demand.fetch_now();
    }
}
