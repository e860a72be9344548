//! The background task that follows the feed.

use super::{
    FeedError, PageError,
    key_change::KeyChange,
    map::Ending,
    pace::Pace,
    page::Page,
    snapshot::Snapshot,
    source::{Answer, Question, Source},
    state::{Added, Revocations},
};
use crate::keys::{failures::Failures, refresh::jittered, state::State};
use http::StatusCode;
use std::{
    mem,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// While there is more to read, endings take effect in batches of this many, or each second.
const BATCH: usize = 50_000;
/// After the snapshot was written, it is not written again for this many times as long.
const REST_AFTER_KEEPING: u32 = 20;
/// An issuer cannot send its readers away for longer than this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

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
    failures: Failures,
    /// Whether it was said that the pages do not get newer.
    is_repeating: bool,
    /// When it was last said that the feed went back.
    went_back_at: Option<Instant>,
    key_change: KeyChange,
}

/// The reading of everything.
#[derive(Debug, Clone, Copy, Default)]
struct All {
    up_to: u64,
    has_left_out: bool,
    /// Pages of everything and of what is new alternate: news do not wait for a long reading.
    is_turn_of_news: bool,
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
            failures: Failures::default(),
            is_repeating: false,
            went_back_at: None,
            key_change: KeyChange::default(),
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
            (None, None) => Question { after: self.cursor, wait: self.key_change.patience(self.wait) },
        };
        match self.read(question).await {
            Ok((page, asked, retry_after)) => {
                self.keys.observer.feed_read(Ok(()));
                if let Some(failures) = self.failures.end() {
                    tracing::info!(failures, "reading the revocation feed works again");
                }
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
                if is_absent { jittered(self.pace.absent) } else { self.pace.after_failures(self.failures.count()) }
            }
        }
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
        self.key_change.notice(&page.jwks, &self.keys, &self.pace);
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

    /// Logs each reason as a warning once, until a page is read, and repetitions at the level DEBUG.
    fn complain(&mut self, error: &FeedError) {
        let reason = error.to_string();
        // That there are no keys is said where they are fetched.
        if !self.failures.add(&reason) || matches!(error, FeedError::NoKeys) {
            tracing::debug!(error = reason, failures = self.failures.count(), "still cannot read the revocation feed");
        } else if matches!(error, FeedError::Status(StatusCode::NOT_FOUND)) {
            tracing::warn!(
                "the issuer has no revocation feed at this address: tokens of ended sessions stay good until they expire"
            );
        } else {
            tracing::warn!(error = reason, "cannot read the revocation feed: keeping what is known, and trying again");
        }
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
