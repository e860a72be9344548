//! The public keys that tokens are verified with: fetched in the background, or pinned in a file, and never waited
//! for by a request but when a token names a key that is not known yet.

mod address;
mod demand;
mod freshness;
pub(crate) mod pinned;
pub(crate) mod publisher;
mod refresh;
mod snapshot;
#[cfg(test)]
mod tests;
mod unused;

pub use address::Address;
pub(crate) use freshness::date;
pub(crate) use snapshot::{Kept, Snapshot};

use arc_swap::ArcSwapOption;
use demand::Demand;
use serde::Serialize;
use shared::{
    access_token::{KeySet, Refusal, VerifiedToken, Verifier},
    clock::{Clock, Timestamp},
    guard::{Authenticate, Rejection, Verdict},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long a start waits for the pinned file or the snapshot to be read. It goes on without them: both are looked at again,
/// or asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file (JWKS or PEM) that is read again when it changes. No network at all.
    Pinned(PathBuf),
    /// An HTTP address.
    Published {
        /// Of the JWK set.
        address: Address,
        /// A file that keeps the last good keys for a restart.
        snapshot: Option<PathBuf>,
    },
}

/// Where the current keys came from.
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

/// What is known of the current keys.
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

/// The current keys, and the verifier that uses them.
pub struct PublishedKeys {
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<Current>,
    demand: Option<Demand>,
    /// Whether what is on this machine, the pinned file or the snapshot, has been looked at.
    looked: watch::Sender<bool>,
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
    pub async fn start(source: KeySource, verifier: Verifier, clock: Arc<dyn Clock>) -> Result<Arc<Self>, String> {
        Self::start_at_pace(source, verifier, clock, refresh::Pace::default()).await
    }

    async fn start_at_pace(
        source: KeySource,
        verifier: Verifier,
        clock: Arc<dyn Clock>,
        pace: refresh::Pace,
    ) -> Result<Arc<Self>, String> {
        let nothing_yet = |verifier, demand| {
            let (current, looked) = (ArcSwapOption::empty(), watch::Sender::new(false));
            Arc::new(Self { verifier, clock, current, demand, looked })
        };
        let keys = match source {
            KeySource::Pinned(path) => {
                let keys = nothing_yet(verifier, None);
                tokio::spawn(pinned::follow(Arc::clone(&keys), path, pace.file));
                keys
            }
            KeySource::Published { address, snapshot } => {
                let publisher = publisher::Publisher::at(address.clone(), pace.fetch)?;
                let issuer = verifier.issuer().to_owned();
                let snapshot = snapshot.map(|path| Snapshot::at(path, address, issuer));
                let keys = nothing_yet(verifier, Some(Demand::with_cooldown(pace.cooldown)));
                tokio::spawn(refresh::follow(Arc::clone(&keys), publisher, snapshot, pace));
                keys
            }
        };
        let mut looked = keys.looked.subscribe();
        drop(tokio::time::timeout(PATIENCE, looked.wait_for(|looked| *looked)).await);
        Ok(keys)
    }

    /// For the background task: what is on this machine has been looked at.
    fn has_looked(&self) {
        self.looked.send_replace(true);
    }

    /// What is known of the current keys, if there are any.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.current.load().as_ref().map(|current| Held {
            count: current.keys.len(),
            source: current.origin,
            age: self.clock.now().since(current.confirmed_at),
            is_in_doubt: current.is_in_doubt,
        })
    }

    /// For the log: which keys come and go.
    fn say_what_changes(&self, new: &KeySet) {
        let current = self.current.load();
        let Some(old) = current.as_ref().map(|current| &current.keys) else {
            tracing::info!(kids = ?new.kids(), "verification keys are available");
            return;
        };
        let came: Vec<&str> = new.kids().into_iter().filter(|kid| !old.contains(kid)).collect();
        let went: Vec<&str> = old.kids().into_iter().filter(|kid| !new.contains(kid)).collect();
        if **old != *new {
            tracing::info!(?came, ?went, keys = new.len(), "the keys have changed");
        }
    }

    fn replace(&self, keys: Arc<KeySet>, origin: Origin, confirmed_at: Timestamp) {
        // A former process has confirmed those of a snapshot, and this one has not tried yet.
        let is_in_doubt = origin == Origin::Snapshot;
        self.current.store(Some(Arc::new(Current { keys, origin, confirmed_at, is_in_doubt })));
    }

    /// Takes down that the current keys, if any, could not be confirmed.
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
