//! The feed of one process: the log in memory, and the verifiers that wait for news.

use super::{
    held::{Held, Stretch},
    log::{EndingsLog, Look},
    page::{Dated, signed},
    steady::Steady,
    waiting::{Room, Waiting},
};
use crate::domain::{Unavailable, keys::SigningKeys};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, watch},
    time::{sleep, timeout},
};

/// The longest that a verifier may wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often the log is looked at while somebody waits, and how old what is known may be when somebody asks.
const TICK: Duration = Duration::from_millis(200);
/// Strangers can ask for what is not there yet; the log is not looked at more often than this.
const SHORTEST_TICK: Duration = Duration::from_millis(20);

/// How long a verifier that has waited waits for more, so that one page tells of several endings.
const GATHER: Duration = Duration::from_millis(25);
/// The same while this many wait.
const GATHER_MANY: Duration = Duration::from_millis(250);
const MANY: usize = 500;

/// How long a signed page is handed out again.
const PAGE_AGE: Duration = Duration::from_millis(500);

/// How often what has expired is forgotten.
const EXPIRE: Duration = Duration::from_secs(60);

/// What a verifier gets.
#[derive(Debug, Clone)]
pub struct Answer {
    /// A signed page.
    pub page: Arc<str>,
    /// Whether there was no room to wait: it should ask again only after a while.
    pub had_no_room: bool,
}

/// The feed.
pub struct Feed {
    log: Arc<dyn EndingsLog>,
    keys: Arc<SigningKeys>,
    issuer: String,
    /// Held while the log is read.
    turn: AsyncMutex<()>,
    known: Mutex<Known>,
    /// The newest number.
    news: watch::Sender<i64>,
    waiting: Waiting,
    somebody_waits: Notify,
    stopped: watch::Sender<bool>,
}

#[derive(Default)]
struct Known {
    held: Held,
    steady: Steady,
    /// Of the last look that succeeded: when it began, and how the pages made of it are dated.
    last: Option<(Instant, Dated)>,
    /// The last failure, if no look has succeeded since. Whoever waited meanwhile shares it: in an outage, each look takes as long
    /// as a store may.
    failure: Option<(Instant, Unavailable)>,
    expired_at: Option<Instant>,
    /// By where they begin.
    pages: HashMap<i64, Signed>,
}

#[derive(Clone)]
struct Signed {
    page: Arc<str>,
    at: Instant,
    newest: i64,
}

impl Feed {
    /// Nothing is read before somebody asks.
    #[must_use]
    pub fn new(log: Arc<dyn EndingsLog>, keys: Arc<SigningKeys>, issuer: String, room: Room) -> Self {
        Self {
            log,
            keys,
            issuer,
            turn: AsyncMutex::default(),
            known: Mutex::default(),
            news: watch::channel(0).0,
            waiting: Waiting::within(room),
            somebody_waits: Notify::new(),
            stopped: watch::channel(false).0,
        }
    }

    /// How many verifiers wait, and how many endings are held.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.waiting.count(), self.known().held.len())
    }

    /// Lets nobody wait any longer.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// The page after a number: at once if there is one, and otherwise once something has ended, or after `wait`.
    ///
    /// # Errors
    /// [`Unavailable`]: the log cannot be read, so nobody can say that nothing has ended.
    pub async fn page(&self, after: i64, wait: Duration, address: IpAddr) -> Result<Answer, Unavailable> {
        let asked = Instant::now();
        self.look_unless_done_within(TICK).await?;
        if after > self.known().held.newest() {
            // Another replica may have numbered it a moment ago.
            self.look_unless(|begun| begun >= asked).await?;
        }
        if after != self.known().held.newest() || wait.is_zero() {
            return Ok(self.answer(after, false));
        }
        let Some(place) = self.waiting.take(address) else { return Ok(self.answer(after, true)) };
        self.somebody_waits.notify_one();
        if timeout(wait.min(LONGEST_WAIT), self.something_after(after)).await.is_ok() {
            let gather = if self.waiting.count() > MANY { GATHER_MANY } else { GATHER };
            sleep(gather).await;
        }
        drop(place);
        // It was done a moment ago if the log can be read.
        self.look_unless_done_within(2 * TICK).await?;
        Ok(self.answer(after, false))
    }

    /// Follows the log while somebody waits; never returns.
    pub async fn follow(&self) {
        loop {
            if self.waiting.count() == 0 {
                self.somebody_waits.notified().await;
            }
            if let Err(error) = self.look_unless_done_within(TICK / 2).await {
                tracing::debug!(%error, "the log of endings cannot be read");
            }
            sleep(TICK).await;
        }
    }

    /// Until something has a greater number, or the process stops.
    async fn something_after(&self, number: i64) {
        let (mut news, mut stopped) = (self.news.subscribe(), self.stopped.subscribe());
        tokio::select! {
            _ = news.wait_for(|newest| *newest != number) => {}
            _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
        }
    }

    async fn look_unless_done_within(&self, age: Duration) -> Result<(), Unavailable> {
        self.look_unless(|begun| begun.elapsed() < age).await
    }

    /// Looks, unless the last look will do, which has begun at a moment.
    async fn look_unless(&self, will_do: impl Fn(Instant) -> bool) -> Result<(), Unavailable> {
        let last = || self.known().last.map(|(begun, _)| begun);
        if last().is_some_and(&will_do) {
            return Ok(());
        }
        let asked = Instant::now();
        let _turn = self.turn.lock().await;
        let last = last();
        if last.is_some_and(will_do) {
            return Ok(());
        }
        sleep(last.map_or(Duration::ZERO, |begun| SHORTEST_TICK.saturating_sub(begun.elapsed()))).await;
        if let Some((at, error)) = self.known().failure.clone()
            && at >= asked
        {
            return Err(error);
        }
        let looked = self.look().await;
        self.known().failure = looked.as_ref().err().map(|error| (Instant::now(), error.clone()));
        looked
    }

    /// Reads what is new. What was committed before it began is in it.
    async fn look(&self) -> Result<(), Unavailable> {
        let at = Instant::now();
        let Look { now, newest, has_unnumbered } = self.log.look().await?;
        if has_unnumbered {
            while self.log.number().await? {}
        }
        // The database was restored from a backup: numbers that were handed out do not exist any more.
        let is_restored = newest.is_some_and(|newest| newest < self.known().held.newest());
        let mut read = is_restored.then(Held::default);
        if newest.is_some() || has_unnumbered {
            loop {
                let after = read.as_ref().map_or_else(|| self.known().held.newest(), Held::newest);
                let (endings, has_more) = self.log.after(after).await?;
                match &mut read {
                    Some(held) => held.append(&endings),
                    None => self.known().held.append(&endings),
                }
                if !has_more {
                    break;
                }
            }
        }
        let mut known = self.known();
        if let Some(held) = read {
            known.held = held;
        }
        known.held.reach(newest.unwrap_or_default());
        if known.expired_at.is_none_or(|expired| expired.elapsed() >= EXPIRE) {
            known.held.expire(now);
            known.expired_at = Some(at);
        }
        let date = known.steady.date(now, at);
        known.last = Some((at, Dated { database: now, date }));
        let newest = known.held.newest();
        drop(known);
        self.news.send_if_modified(|known| std::mem::replace(known, newest) != newest);
        Ok(())
    }

    /// A page of what is known, signed now or a moment ago.
    fn answer(&self, after: i64, had_no_room: bool) -> Answer {
        let mut known = self.known();
        let start = known.held.start(after);
        let newest = known.held.newest();
        known.pages.retain(|_, page| page.at.elapsed() < PAGE_AGE && page.newest == newest);
        if let Some(Signed { page, .. }) = known.pages.get(&start).cloned() {
            return Answer { page, had_no_room };
        }
        let stretch: Stretch = known.held.stretch(start);
        let (at, dated) = known.last.expect("it is asked for after a look");
        let page: Arc<str> = signed(&self.issuer, &self.keys.active(), dated, &stretch).into();
        known.pages.insert(start, Signed { page: Arc::clone(&page), at, newest });
        Answer { page, had_no_room }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
