//! The log in memory: what pages are made of.

use super::{
    digest::{Digest, digest},
    log::{Ending, Numbered},
};
use crate::domain::accounts::Epoch;
use shared::clock::Timestamp;
use std::collections::VecDeque;

/// The most entries of one page.
pub(super) const LONGEST_PAGE: usize = 5_000;

/// Pages that do not begin where one of the last ones ended begin at every so many entries: whatever strangers ask for, there
/// are few different pages to sign.
const STEP: usize = 256;
/// The same, where the log is long.
const LONG_STEP: usize = LONGEST_PAGE;

/// How many ends of pages are remembered.
const ENDS: usize = 16;

/// An ending as it is published: by digests, so that the feed names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: i64,
    pub(super) until: Timestamp,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A session or a token.
    One(Digest),
    User {
        sub: Digest,
        epoch: Epoch,
        spared: Option<Digest>,
    },
    Rights {
        sub: Digest,
        revision: i64,
    },
    All(Epoch),
}

impl Entry {
    /// `None`: nothing that this version knows.
    fn of(numbered: &Numbered) -> Option<Self> {
        let what = match numbered.ending.as_ref()? {
            Ending::Session(sid) => What::One(digest("sid", sid)),
            Ending::Token(jti) => What::One(digest("jti", jti)),
            Ending::User { sub, epoch, spared } => What::User {
                sub: digest("sub", sub),
                epoch: *epoch,
                spared: spared.as_ref().map(|sid| digest("sid", sid)),
            },
            Ending::Rights { sub, revision } => What::Rights { sub: digest("sub", sub), revision: *revision },
            Ending::All(epoch) => What::All(*epoch),
        };
        Some(Self { number: numbered.number, until: numbered.until, what })
    }
}

/// All endings whose tokens have not all expired, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Held {
    entries: VecDeque<Entry>,
    /// The greatest number that was read; what had it may have expired.
    newest: i64,
    /// Where the last pages ended, the latest at the end.
    ends: VecDeque<i64>,
}

/// The entries of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The number after which it begins.
    pub(super) after: i64,
    /// The number up to which nothing is missing.
    pub(super) to: i64,
    pub(super) has_more: bool,
    pub(super) entries: Vec<Entry>,
}

impl Held {
    pub(super) fn newest(&self) -> i64 {
        self.newest
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds what follows.
    pub(super) fn append(&mut self, endings: &[Numbered]) {
        self.entries.extend(endings.iter().filter_map(Entry::of));
        if let Some(last) = endings.last() {
            self.newest = last.number;
        }
    }

    /// Everything up to this number was read, whether or not it is there any more.
    pub(super) fn reach(&mut self, number: i64) {
        self.newest = self.newest.max(number);
    }

    /// Forgets what has expired.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.entries.retain(|entry| entry.until > now);
    }

    /// Where a page for a reader of this number begins: there, or a little before.
    pub(super) fn start(&self, after: i64) -> i64 {
        if after >= self.newest || self.ends.contains(&after) {
            return after.min(self.newest);
        }
        let index = self.entries.partition_point(|entry| entry.number <= after);
        let step = if self.entries.len() > 64 * STEP { LONG_STEP } else { STEP };
        match index - index % step {
            0 => 0,
            start => self.entries[start - 1].number,
        }
    }

    /// The page that begins at a start.
    pub(super) fn stretch(&mut self, start: i64) -> Stretch {
        let first = self.entries.partition_point(|entry| entry.number <= start);
        let last = self.entries.len().min(first + LONGEST_PAGE);
        let has_more = last < self.entries.len();
        let to = if has_more { self.entries[last - 1].number } else { self.newest };
        if !self.ends.contains(&to) {
            self.ends.push_back(to);
            if self.ends.len() > ENDS {
                self.ends.pop_front();
            }
        }
        Stretch { after: start, to, has_more, entries: self.entries.range(first..last).copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn numbered(number: i64) -> Numbered {
        let ending = Some(Ending::Session(number.to_string().into_bytes()));
        Numbered { number, until: Timestamp::from_secs(number), ending }
    }

    fn with(numbers: std::ops::RangeInclusive<i64>) -> Held {
        let mut held = Held::default();
        held.append(&numbers.map(numbered).collect::<Vec<_>>());
        held
    }

    /// What a reader of this number gets, page by page.
    fn read(held: &mut Held, mut after: i64) -> (Vec<i64>, i64) {
        let mut numbers = Vec::new();
        loop {
            let start = held.start(after);
            assert!(start <= after);
            let page = held.stretch(start);
            assert!(
                page.entries.len() <= LONGEST_PAGE && (page.to > after || !page.has_more),
                "no progress at {after}"
            );
            numbers.extend(page.entries.iter().map(|entry| entry.number));
            after = page.to;
            if !page.has_more {
                return (numbers, after);
            }
        }
    }

    #[test]
    fn whoever_reads_from_any_number_gets_everything_after_it() {
        for count in [0, 1, 255, 256, 5_000, 5_001, 12_345, 40_000] {
            let mut held = with(1..=count);
            for after in [0, 1, 255, 256, 257, 4_999, 5_000, 9_999, count - 1, count] {
                let after = after.clamp(0, count);
                let (numbers, to) = read(&mut held, after);
                let numbers: BTreeSet<i64> = numbers.into_iter().collect();
                assert!((after + 1..=count).all(|number| numbers.contains(&number)), "{count} after {after}");
                assert_eq!(to, count);
            }
        }
    }

    #[test]
    fn whatever_is_asked_for_there_are_few_different_pages() {
        for (count, at_most) in [(900, 25), (16_000, 90), (1_000_000, 250)] {
            let mut held = with(1..=count);
            let mut starts = BTreeSet::new();
            for after in (0..count).step_by(7) {
                let start = held.start(after);
                starts.insert(start);
                held.stretch(start);
            }
            assert!(starts.len() <= at_most, "{} starts of {count}", starts.len());
        }
    }

    #[test]
    fn a_reader_who_has_followed_gets_only_what_is_new() {
        let mut held = with(1..=600);
        let (_, to) = read(&mut held, 0);
        held.append(&[numbered(601)]);
        let start = held.start(to);
        let page = held.stretch(start);
        assert_eq!((page.after, page.to, page.entries.len()), (600, 601, 1));
    }

    #[test]
    fn what_has_expired_is_forgotten_and_numbers_go_on() {
        let mut held = with(1..=10);
        held.expire(Timestamp::from_secs(10));
        assert_eq!(held.len(), 0);
        let start = held.start(10);
        assert_eq!(held.stretch(start), Stretch { after: 10, to: 10, has_more: false, entries: Vec::new() });
        assert_eq!(held.start(99), 10, "a reader of a later database: page and number are earlier");
    }
}
