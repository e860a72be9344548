//! What the reader of the feed and the requests share.

use super::{
    Feed,
    map::{Addition, Ending, Layers, Limits, Moment, Seed, Token},
};
use crate::VerifiedToken;
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// How much is held. A million entries take some 50 MB.
const LIMITS: Limits = Limits { entries: 2_000_000, delta: 1000 };

/// What has become of endings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    /// Whether more is held than before.
    pub(super) is_news: bool,
    /// How many there was no room for.
    pub(super) left_out: usize,
}

/// What has ended, and how recently that is known.
pub(crate) struct Revocations {
    layers: ArcSwap<Layers>,
    began: Instant,
    fresh_within: Duration,
    /// When the question was sent whose answer was the last to be news of the present: milliseconds since the beginning, and
    /// one; 0 before the first.
    fresh_since: AtomicU64,
    cursor: AtomicU64,
    left_out: AtomicU64,
    limits: Limits,
    /// Whether the file on this machine has been read.
    looked: watch::Sender<bool>,
    /// For whoever keeps it for a restart.
    pub(super) changed: Notify,
}

impl Revocations {
    pub(crate) fn nothing(fresh_within: Duration) -> Arc<Self> {
        Self::with_limits(fresh_within, LIMITS)
    }

    pub(super) fn with_limits(fresh_within: Duration, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            layers: ArcSwap::from_pointee(Layers::empty(Seed::fresh())),
            began: Instant::now(),
            fresh_within,
            fresh_since: AtomicU64::new(0),
            cursor: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            limits,
            looked: watch::Sender::new(false),
            changed: Notify::new(),
        })
    }

    /// Whether the token, or its session, or its user's sessions have ended.
    pub(crate) fn end(&self, token: &VerifiedToken) -> bool {
        let names = *token.names();
        let (epoch, rev) = (token.epoch().unwrap_or(0), token.rights_revision().unwrap_or(0));
        self.layers.load().end(&Token { names, epoch, rev }, || self.now())
    }

    /// The current moment, rounded down: what is to be kept until then is still held.
    pub(super) fn now(&self) -> Moment {
        Moment(u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX))
    }

    /// The moment after a span from now, rounded up.
    pub(super) fn after(&self, span: Duration) -> Moment {
        let whole = self.began.elapsed().saturating_add(span).as_millis().div_ceil(1000);
        Moment(u32::try_from(whole).unwrap_or(u32::MAX))
    }

    /// Everything that is held.
    pub(super) fn layers(&self) -> Arc<Layers> {
        self.layers.load_full()
    }

    /// Takes endings in. For the one task that writes; may take a while when there are many.
    pub(super) fn add(&self, endings: &[Ending]) -> Added {
        let Addition { layers, left_out } = self.layers().with(endings, self.now(), self.limits);
        let is_news = layers.is_some();
        if let Some(layers) = layers {
            self.layers.store(Arc::new(layers));
        }
        self.left_out.fetch_add(left_out as u64, Ordering::Relaxed);
        Added { is_news, left_out }
    }

    /// Drops what has expired. For the one task that writes; may take a while.
    pub(super) fn sweep(&self) {
        let merged = Layers::clone(&self.layers()).merged(self.now());
        self.layers.store(Arc::new(merged));
    }

    /// The feed was up to date when this question was sent.
    pub(super) fn fresh_since(&self, asked: Instant) {
        let since = asked.saturating_duration_since(self.began).as_millis();
        self.fresh_since.store(u64::try_from(since).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    pub(super) fn read_up_to(&self, cursor: u64) {
        self.cursor.store(cursor, Ordering::Relaxed);
    }

    pub(super) fn has_looked(&self) {
        self.looked.send_replace(true);
    }

    /// Waits until the file on this machine has been read, but no longer than this.
    pub(crate) async fn looked_within(&self, patience: Duration) {
        let mut looked = self.looked.subscribe();
        drop(tokio::time::timeout(patience, looked.wait_for(|looked| *looked)).await);
    }

    fn age(&self) -> Option<Duration> {
        let since = self.fresh_since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.began.elapsed().saturating_sub(Duration::from_millis(since)))
    }

    /// Whether what is known is as recent as the program wants it.
    pub(crate) fn is_fresh(&self) -> bool {
        self.age().is_some_and(|age| age <= self.fresh_within)
    }

    pub(crate) fn feed(&self) -> Feed {
        let age = self.age();
        Feed {
            age,
            followed_for: self.began.elapsed(),
            entries: self.layers.load().len(),
            left_out: self.left_out.load(Ordering::Relaxed),
            cursor: self.cursor.load(Ordering::Relaxed),
            is_behind: age.is_none_or(|age| age > self.fresh_within),
        }
    }
}
