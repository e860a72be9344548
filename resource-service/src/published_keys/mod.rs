//! The public keys that tokens are verified with: fetched in the background, or pinned in a file, and never waited
//! for by a request but when a token names a key that is not known yet.

mod demand;
mod pinned;
mod publisher;
mod refresh;
mod snapshot;
#[cfg(test)]
mod tests;

use arc_swap::ArcSwapOption;
use demand::Demand;
use serde::Serialize;
use shared::{
    access_token::{KeySet, Refusal, VerifiedToken, Verifier},
    clock::{Clock, Timestamp},
    guard::{Authenticate, Rejection, Verdict},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use url::Url;

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file (JWKS or PEM) that is read again when it changes. No network at all.
    Pinned(PathBuf),
    /// An HTTP address.
    Published {
        /// Of the JWK set.
        url: Url,
        /// A file that keeps the last good keys for a restart.
        snapshot: Option<PathBuf>,
    },
}

/// Where the keys at hand came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The issuer's address.
    Published,
    /// The file of a former process.
    Snapshot,
    /// The pinned file.
    Pinned,
}

/// What is known of the keys at hand.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// How many there are.
    pub count: usize,
    /// Where they came from.
    pub source: Origin,
    /// How long ago they were last confirmed there.
    pub age: Duration,
    /// Whether the latest attempt to confirm them failed, or none was made yet.
    pub is_in_doubt: bool,
}

/// The keys at hand, and the verifier that uses them.
pub struct PublishedKeys {
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<Current>,
    demand: Option<Demand>,
}

struct Current {
    keys: Arc<KeySet>,
    origin: Origin,
    confirmed_at: Timestamp,
    is_in_doubt: bool,
}

impl Current {
    fn copied(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), ..*self }
    }
}

impl PublishedKeys {
    /// Takes what is there already, a pinned file or a snapshot, and keeps the keys fresh in a background task for as
    /// long as the runtime lives.
    ///
    /// # Errors
    /// If no HTTP client can be made for the address.
    pub fn start(source: KeySource, verifier: Verifier, clock: Arc<dyn Clock>) -> Result<Arc<Self>, String> {
        Self::start_at_pace(source, verifier, clock, refresh::Pace::default())
    }

    fn start_at_pace(
        source: KeySource,
        verifier: Verifier,
        clock: Arc<dyn Clock>,
        pace: refresh::Pace,
    ) -> Result<Arc<Self>, String> {
        let nothing_yet = |demand| Self { verifier, clock, current: ArcSwapOption::empty(), demand };
        match source {
            KeySource::Pinned(path) => {
                let keys = Arc::new(nothing_yet(None));
                pinned::follow(Arc::clone(&keys), path, pace.file);
                Ok(keys)
            }
            KeySource::Published { url, snapshot } => {
                let publisher = publisher::Publisher::at(url.clone(), pace.fetch)?;
                let keys = Arc::new(nothing_yet(Some(Demand::with_cooldown(pace.cooldown))));
                let snapshot = snapshot.map(|path| snapshot::Snapshot::at(path, url));
                refresh::follow(Arc::clone(&keys), publisher, snapshot, pace);
                Ok(keys)
            }
        }
    }

    /// What is known of the keys at hand, if there are any.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.current.load().as_ref().map(|current| Held {
            count: current.keys.len(),
            source: current.origin,
            age: self.clock.now().since(current.confirmed_at),
            is_in_doubt: current.is_in_doubt,
        })
    }

    fn replace(&self, keys: Arc<KeySet>, origin: Origin, confirmed_at: Timestamp) {
        // A former process has confirmed those of a snapshot, and this one has not tried yet.
        let is_in_doubt = origin == Origin::Snapshot;
        self.current.store(Some(Arc::new(Current { keys, origin, confirmed_at, is_in_doubt })));
    }

    /// Takes down that the keys at hand, if any, could not be confirmed.
    fn doubt(&self) {
        if let Some(current) = self.current.load_full().filter(|current| !current.is_in_doubt) {
            self.current.store(Some(Arc::new(Current { is_in_doubt: true, ..current.copied() })));
        }
    }

    fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        let current = self.current.load();
        let current = current.as_ref().ok_or(Rejection::KeysUnavailable)?;
        Ok(self.verifier.verify(token, &current.keys)?)
    }
}

impl Authenticate for PublishedKeys {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a> {
        Box::pin(async move {
            let verdict = self.verify(token);
            match &self.demand {
                Some(demand) if matches!(verdict, Err(Rejection::Refused(Refusal::UnknownKey))) => {
                    if !demand.newer_keys().await {
                        return verdict;
                    }
                    self.verify(token)
                }
                _ => verdict,
            }
        })
    }
}
