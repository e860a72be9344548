//! The time that pages are dated by.

use shared::clock::Timestamp;
use std::time::Instant;

/// The database's clock, as long as it does not fall behind: a verifier takes a page with an earlier date than the one before
/// for a replay. So when that clock is set back, dates go on from where they were.
#[derive(Debug, Default)]
pub(super) struct Steady(Option<(Timestamp, Instant)>);

impl Steady {
    /// The date at `at`, when the database's clock shows `database`.
    pub(super) fn date(&mut self, database: Timestamp, at: Instant) -> Timestamp {
        let goes_on = self.0.map(|(date, then)| date.plus(at.saturating_duration_since(then)));
        let date = goes_on.map_or(database, |goes_on| goes_on.max(database));
        self.0 = Some((date, at));
        date
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_follow_the_database_and_go_on_when_its_clock_is_set_back() {
        let (mut steady, begun) = (Steady::default(), Instant::now());
        let (noon, second) = (Timestamp::from_secs(1_796_000_000), Duration::from_secs(1));
        assert_eq!(steady.date(noon, begun), noon);
        assert_eq!(steady.date(noon.plus(3 * second), begun + second), noon.plus(3 * second), "it runs ahead");
        let an_hour_back = noon.minus(3600 * second);
        assert_eq!(steady.date(an_hour_back, begun + 2 * second), noon.plus(4 * second));
        assert_eq!(steady.date(an_hour_back.plus(second), begun + 3 * second), noon.plus(5 * second));
    }
}
