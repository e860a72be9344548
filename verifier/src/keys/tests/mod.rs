//! End to end: a publisher over real HTTP, or a file, and tokens that are accepted or not.

mod fetching;
mod hostile;
mod pinning;
mod publisher;
mod restart;
mod rotation;

use super::{Config, KeySource, Paces, PublishedKeys, refresh::Pace};
use crate::{
    clock::{ManualClock, Timestamp},
    guard::{Authenticate as _, Rejection},
};
use publisher::TestPublisher;
use serde_json::json;
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use tempfile::NamedTempFile;
use testkit::{AUDIENCE, ISSUER, Issuer, claims};
use tracing::{
    Level,
    subscriber::{self, DefaultGuard},
};
use url::Url;

/// When the tests take place.
pub(crate) const NOW: i64 = 1_800_000_000;
/// So long that nothing happens by itself.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_secs(NOW))
}

/// Quick after failures; otherwise fetches only on demand.
pub(crate) fn pace() -> Pace {
    let moment = Duration::from_millis(10);
    Pace {
        shortest: moment,
        longest: LONG,
        default_max_age: LONG,
        retry: moment,
        longest_retry_without_keys: moment,
        longest_retry: moment,
        cooldown: LONG,
        fetch: LONG,
        file: moment,
    }
}

async fn start(source: KeySource, clock: &ManualClock, pace: Pace) -> Arc<PublishedKeys> {
    let config = Config::new(ISSUER, AUDIENCE, source).clock(Arc::new(clock.clone())).without_revocations();
    PublishedKeys::start(config, Paces { keys: pace, ..Paces::default() }).await.expect("an HTTP client")
}

fn published_at(url: Url, snapshot: Option<PathBuf>) -> KeySource {
    KeySource::Published { address: url.into(), snapshot }
}

async fn follow(publisher: &TestPublisher, pace: Pace) -> Arc<PublishedKeys> {
    start(published_at(publisher.url(), None), &clock(), pace).await
}

async fn pinned(path: PathBuf) -> Arc<PublishedKeys> {
    start(KeySource::Pinned(path), &clock(), pace()).await
}

pub(crate) async fn verdict(keys: &PublishedKeys, issuer: &Issuer) -> Result<(), Rejection> {
    keys.authenticate(&issuer.token_of(&claims(NOW))).await.map(|_| ())
}

pub(crate) fn jwks_of(issuers: &[&Issuer]) -> String {
    json!({ "keys": issuers.iter().map(|issuer| issuer.public_key().clone()).collect::<Vec<_>>() }).to_string()
}

/// A good key set of so many bytes.
fn padded(bytes: usize) -> String {
    let mut jwks = jwks_of(&[Issuer::usual()]);
    jwks.push_str(&" ".repeat(bytes - jwks.len()));
    jwks
}

/// What this thread writes to the log.
pub(crate) struct Logged {
    file: NamedTempFile,
    _here: DefaultGuard,
}

impl Logged {
    pub(crate) fn begin() -> Self {
        let file = NamedTempFile::new().expect("a file of our own");
        let writer = tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_ansi(false);
        let writer = writer.with_writer(Arc::new(file.reopen().expect("a file of our own")));
        Self { file, _here: subscriber::set_default(writer.finish()) }
    }

    /// How often it holds these words.
    pub(crate) fn times(&self, words: &str) -> usize {
        fs::read_to_string(self.file.path()).expect("text").matches(words).count()
    }
}

/// Waits for something that is about to be true.
pub(crate) async fn eventually(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    for _ in 0..2000 {
        if is_true().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within ten seconds: {what}");
}
