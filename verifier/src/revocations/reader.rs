//! The background task that follows the feed.

use super::{
    FeedError, PageError,
    map::Ending,
    page::Page,
    snapshot::Snapshot,
    source::{Answer, Question, Source},
    state::{Added, Revocations},
};
use crate::keys::{refresh::jittered, state::State};
use http::StatusCode;
use std::{
    mem,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// After this many different reasons of failures in a row, more are not logged as warnings.
const MAX_COMPLAINTS: usize = 16;
/// While there is more to read, endings take effect in batches of this many, or each second.
const BATCH: usize = 50_000;
/// After the snapshot was written, it is not written again for this many times as long.
const REST_AFTER_KEEPING: u32 = 20;
/// An issuer cannot send its readers away for longer than this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

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
    fn after_failures(&self, failures: u32) -> Duration {
        jittered(self.retry.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.longest_retry))
    }

    /// Four to six fifths, so that many verifiers do not read everything at the same moment.
    fn until_full(&self) -> Duration {
        self.full + jittered(self.full).mul_f64(2.0) - self.full * 2
    }
}

/// Follows the feed until it is dropped.
pub(crate) struct Reader {
    keys: Arc<State>,
    revocations: Arc<Revocations>,
    source: Source,
    issuer: Arc<str>,
    pace: Pace,
    wait: Duration,
    /// What came after this is news. 0 until everything has been read once.
    cursor: u64,
    /// How far everything has been read again, while that is being done.
    all: Option<All>,
    full_at: Instant,
    swept_at: Instant,
    /// Read, and not yet in effect.
    collected: Vec<Ending>,
    effective_at: Instant,
    /// The newest page that showed the present: when it was made, and what it led to.
    latest: Option<(u64, u64)>,
    /// Whether there was no room for something since everything was last read.
    is_incomplete: bool,
    failures: u32,
    /// The reasons that were logged.
    complaints: Vec<String>,
    /// Whether it was said that the pages do not get newer.
    is_repeating: bool,
    /// When it was last said that the feed went back.
    went_back_at: Option<Instant>,
    /// A change of the keys that has not arrived.
    noticed: Option<Noticed>,
}

/// The reading of everything.
#[derive(Debug, Clone, Copy, Default)]
struct All {
    up_to: u64,
    has_left_out: bool,
    /// Pages of everything and of what is new alternate: news do not wait for a long reading.
    is_turn_of_news: bool,
}

/// The feed calls the keys by a tag that is not the one of those that are held.
struct Noticed {
    tag: String,
    again_at: Instant,
    pace: Duration,
}

impl Reader {
    pub(crate) fn of(
        keys: Arc<State>,
        revocations: Arc<Revocations>,
        source: Source,
        issuer: &str,
        wait: Duration,
        pace: Pace,
    ) -> Self {
        let now = Instant::now();
        Self {
            keys,
            revocations,
            source,
            issuer: issuer.into(),
            pace,
            wait,
            cursor: 0,
            all: Some(All::default()),
            full_at: now,
            swept_at: now,
            collected: Vec::new(),
            effective_at: now,
            latest: None,
            is_incomplete: false,
            failures: 0,
            complaints: Vec::new(),
            is_repeating: false,
            went_back_at: None,
            noticed: None,
        }
    }

    /// Takes what the snapshot holds, and then goes on reading until it is aborted.
    pub(crate) async fn follow(mut self, snapshot: Option<Snapshot>) {
        let snapshot = snapshot.map(|snapshot| Arc::new(Mutex::new(snapshot)));
        if let Some(snapshot) = &snapshot {
            self.take_snapshot(Arc::clone(snapshot)).await;
        }
        self.revocations.has_looked();
        let (keys, revocations, pace) = (Arc::clone(&self.keys), Arc::clone(&self.revocations), self.pace);
        let keeping = async {
            if let Some(snapshot) = snapshot {
                keep(keys, revocations, snapshot, pace).await;
            }
        };
        tokio::join!(keeping, async {
            loop {
                let pause = self.step().await;
                tokio::time::sleep(pause).await;
            }
        });
    }

    async fn take_snapshot(&self, snapshot: Arc<Mutex<Snapshot>>) {
        let (revocations, now) = (Arc::clone(&self.revocations), self.keys.clock.now());
        let load = tokio::task::spawn_blocking(move || {
            let endings = snapshot.lock().map(|snapshot| snapshot.load(&revocations, now)).unwrap_or_default();
            revocations.add(&endings)
        });
        if load.await.is_ok_and(|added| added.is_news) {
            let entries = self.revocations.feed().entries;
            tracing::info!(entries, "starting with what the snapshot says has ended");
        }
    }

    /// Asks once, and returns how long to wait before the next question.
    async fn step(&mut self) -> Duration {
        if self.all.is_none() && Instant::now() >= self.full_at {
            self.all = Some(All { is_turn_of_news: true, ..All::default() });
        }
        let asks_for_all = self.all.filter(|all| self.cursor == 0 || !all.is_turn_of_news);
        let question = match (asks_for_all, self.all) {
            (Some(all), _) => Question { after: all.up_to, wait: Duration::ZERO },
            (None, Some(_)) => Question { after: self.cursor, wait: Duration::ZERO },
            (None, None) => Question { after: self.cursor, wait: self.patience() },
        };
        match self.read(question).await {
            Ok((page, asked, retry_after)) => {
                self.keys.observer.feed_read(Ok(()));
                self.recover();
                let pause = self.pause(&page, question);
                self.take(page, asked, asks_for_all.is_some()).await;
                let due = pause.saturating_sub(asked.elapsed());
                due.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER))
            }
            Err(error) => {
                self.keys.observer.feed_read(Err(&error));
                self.complain(&error);
                // What was read before the failure does not wait for the end of it.
                self.put_into_effect().await;
                let is_absent = matches!(error, FeedError::Status(StatusCode::NOT_FOUND));
                if is_absent { jittered(self.pace.absent) } else { self.pace.after_failures(self.failures) }
            }
        }
    }

    /// How long the feed is asked to wait: not beyond the next fetch of keys that is due.
    fn patience(&self) -> Duration {
        let due = self.noticed.as_ref().map(|noticed| noticed.again_at.saturating_duration_since(Instant::now()));
        due.map_or(self.wait, |due| Duration::from_secs(due.as_secs() + 1).min(self.wait))
    }

    /// The shortest time from one question to the next.
    fn pause(&self, page: &Page, question: Question) -> Duration {
        if page.more || self.all.is_some() {
            Duration::ZERO
        } else if page.ended.is_empty() && !question.wait.is_zero() {
            self.pace.idle
        } else {
            self.pace.shortest
        }
    }

    async fn read(&self, question: Question) -> Result<(Page, Instant, Option<Duration>), FeedError> {
        let Answer { body, asked, retry_after } = self.source.ask(question).await?;
        let body = Arc::new(body);
        let mut page = self.judged(&body).await;
        if let (Err(FeedError::Page(PageError::UnknownKey)), Some(demand)) = (&page, &self.keys.demand)
            && demand.newer_keys().await
        {
            page = self.judged(&body).await;
        }
        let page = page?;
        page.follows(question.after)?;
        Ok((page, asked, retry_after))
    }

    /// Not on the runtime's threads: large pages take a while.
    async fn judged(&self, body: &Arc<Vec<u8>>) -> Result<Page, FeedError> {
        let keys = self.keys.keys().ok_or(FeedError::NoKeys)?;
        let (body, issuer) = (Arc::clone(body), Arc::clone(&self.issuer));
        let judged = tokio::task::spawn_blocking(move || Page::read(&body, &issuer, &keys));
        Ok(judged.await.map_err(|error| FeedError::Judging(error.to_string()))??)
    }

    async fn take(&mut self, mut page: Page, asked: Instant, is_of_all: bool) {
        let received = mem::take(&mut page.ended).into_iter();
        let ending = |(named, life)| Ending { named, until: self.revocations.after(life) };
        let received: Vec<Ending> = received.map(ending).collect();
        self.collected.extend(received);
        let is_due = self.collected.len() >= BATCH || self.effective_at.elapsed() >= Duration::from_secs(1);
        if !page.more || is_due {
            self.put_into_effect().await;
        }
        self.notice(&page.jwks);
        let shows_the_present = if is_of_all { self.take_of_all(&page) } else { self.take_news(&page) };
        if shows_the_present && !self.is_incomplete {
            self.take_freshness(&page, asked);
        }
        self.revocations.read_up_to(self.cursor);
        if self.swept_at.elapsed() >= self.pace.sweep {
            self.swept_at = Instant::now();
            let revocations = Arc::clone(&self.revocations);
            drop(tokio::task::spawn_blocking(move || revocations.sweep()).await);
        }
    }

    async fn put_into_effect(&mut self) {
        self.effective_at = Instant::now();
        let (endings, revocations) = (mem::take(&mut self.collected), Arc::clone(&self.revocations));
        if endings.is_empty() {
            return;
        }
        let Ok(Added { is_news, left_out }) = tokio::task::spawn_blocking(move || revocations.add(&endings)).await
        else {
            return;
        };
        if is_news {
            self.revocations.changed.notify_one();
        }
        if left_out > 0 {
            if !mem::replace(&mut self.is_incomplete, true) {
                tracing::warn!(
                    left_out,
                    "the revocation feed names more than can be held: what is held stays in force"
                );
            }
            self.all = self.all.map(|all| All { has_left_out: true, ..all });
        }
    }

    /// Goes on in the reading of everything. Returns whether the page shows the present.
    fn take_of_all(&mut self, page: &Page) -> bool {
        let Some(all) = self.all else { return false };
        if page.more {
            self.all = Some(All { up_to: page.to, is_turn_of_news: true, ..all });
            return false;
        }
        if self.latest.is_none() {
            tracing::info!(entries = self.revocations.feed().entries, "the revocation feed has been read");
        }
        self.all = None;
        self.full_at = Instant::now() + self.pace.until_full();
        self.cursor = page.to;
        self.is_incomplete &= all.has_left_out;
        true
    }

    /// Goes on with what is new. Returns whether the page shows the present.
    fn take_news(&mut self, page: &Page) -> bool {
        self.all = self.all.map(|all| All { is_turn_of_news: false, ..all });
        if page.to < self.cursor {
            self.say_that_it_went_back(page.to);
            self.cursor = 0;
            self.all = Some(All::default());
            return false;
        }
        self.cursor = page.to;
        !page.more
    }

    /// At most once a minute: replicas that lag behind may take turns.
    fn say_that_it_went_back(&mut self, to: u64) {
        if self.went_back_at.is_none_or(|said| said.elapsed() >= Duration::from_secs(60)) {
            self.went_back_at = Some(Instant::now());
            tracing::warn!(
                cursor = self.cursor,
                to,
                "the revocation feed ends before what was read already, as after a restore: reading all of it again"
            );
        }
    }

    /// A page that is not newer than the newest was sent before, by whoever sends it now.
    fn take_freshness(&mut self, page: &Page, asked: Instant) {
        let this = (page.iat, page.to);
        if self.latest.is_none_or(|latest| latest < this) {
            self.latest = Some(this);
            self.is_repeating = false;
            self.revocations.fresh_since(asked);
        } else if self.latest.is_some_and(|latest| page.iat < latest.0) && !mem::replace(&mut self.is_repeating, true) {
            tracing::warn!(
                "the revocation feed shows an older page than before: a cache repeats it, or the clock of the issuer's database \
                 went back; until it shows a newer one, the feed counts as not read"
            );
        }
    }

    /// Has the keys fetched if they are not the ones that the issuer publishes now.
    fn notice(&mut self, tag: &str) {
        let Some(demand) = self.keys.demand.as_ref().filter(|_| !self.keys.are_called(tag)) else {
            self.noticed = None;
            return;
        };
        let now = Instant::now();
        let pace = match &self.noticed {
            Some(noticed) if now < noticed.again_at => return,
            Some(noticed) if noticed.tag == tag => (noticed.pace * 2).min(self.pace.longest_notice),
            _ => self.pace.notice,
        };
        self.noticed = Some(Noticed { tag: tag.to_owned(), again_at: now + pace, pace });
        tracing::debug!("the feed says that the keys have changed: fetching them");
        demand.fetch_now();
    }

    fn recover(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "reading the revocation feed works again");
            self.failures = 0;
            self.complaints.clear();
        }
    }

    /// Logs each reason as a warning once, until a page is read, and repetitions at the level DEBUG.
    fn complain(&mut self, error: &FeedError) {
        self.failures = self.failures.saturating_add(1);
        let reason = error.to_string();
        // That there are no keys is said where they are fetched.
        let is_said = matches!(error, FeedError::NoKeys) || self.complaints.contains(&reason);
        if is_said || self.complaints.len() == MAX_COMPLAINTS {
            tracing::debug!(error = reason, failures = self.failures, "still cannot read the revocation feed");
            return;
        }
        if matches!(error, FeedError::Status(StatusCode::NOT_FOUND)) {
            tracing::warn!(
                "the issuer has no revocation feed at this address: tokens of ended sessions stay good until they expire"
            );
        } else {
            tracing::warn!(error = reason, "cannot read the revocation feed: keeping what is known, and trying again");
        }
        self.complaints.push(reason);
    }
}

/// Writes the snapshot whenever something has ended, and not too often.
async fn keep(keys: Arc<State>, revocations: Arc<Revocations>, snapshot: Arc<Mutex<Snapshot>>, pace: Pace) {
    loop {
        revocations.changed.notified().await;
        let began = Instant::now();
        let (keys, revocations, snapshot) = (Arc::clone(&keys), Arc::clone(&revocations), Arc::clone(&snapshot));
        let write = tokio::task::spawn_blocking(move || {
            if let Ok(mut snapshot) = snapshot.lock() {
                snapshot.keep(&revocations, &*keys.clock);
            }
        });
        drop(write.await);
        tokio::time::sleep(pace.keep.max(began.elapsed() * REST_AFTER_KEEPING)).await;
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
