//! Verification keys that stay fresh: fetched in the background, or pinned in a file. A request waits for them only if
//! its token names a key that is not known yet.
//!
//! - Keys are fetched again after half of their `max-age`, and their `ETag` saves a transfer if they are unchanged.
//! - While they cannot be fetched, the current ones stay in use; a [snapshot](KeySource::with_snapshot) carries them over a restart.
//! - Tokens with an unknown `kid`, however many, cause one fetch in ten seconds at most.
//! - What the issuer has ended is refused within a second: see [`revocations`].
//! - A request that is dropped cancels nothing: fetches belong to the background task.

mod address;
mod config;
mod demand;
pub(crate) mod failures;
pub mod fetch;
pub(crate) mod files;
mod freshness;
mod pinned;
mod publisher;
pub(crate) mod refresh;
pub(crate) mod snapshot;
pub(crate) mod state;
#[cfg(test)]
pub(crate) mod tests;
mod unused;

pub use address::{Address, AddressError};
pub use config::{Config, KeySource, StartError};
pub use fetch::FetchError;
pub use files::anybody_may_write;
pub use pinned::read_pinned;
pub use snapshot::{Kept, Snapshot};
pub use state::{Held, Origin};

use crate::{
    Verifier,
    clock::Timestamp,
    guard::{Authenticate, Verdict},
    observer::Observer,
    revocations::{self, Feed, Reader, Revocations, Source},
};
use config::FreshScopes;
use demand::Demand;
use fetch::NoClient;
use publisher::Publisher;
use state::State;
use std::{
    fmt,
    sync::{Arc, Once},
    time::Duration,
};
use tokio::{runtime::Handle, task::AbortHandle};

/// How long a start waits for the pinned file or the snapshot to be read. After that, it goes on without keys: the file
/// is read again later, or the keys are fetched.
const PATIENCE: Duration = Duration::from_secs(2);

/// The keys of one issuer, and the verifier that uses them. [`Config::start`] makes one; its background task ends when it is
/// dropped.
pub struct PublishedKeys {
    state: Arc<State>,
    fresh_scopes: FreshScopes,
    /// Says once that freshness is demanded of a program without a feed.
    without_feed: Once,
    tasks: Vec<AbortHandle>,
}

impl PublishedKeys {
    /// What is known about the current keys, if there are any: for health checks and metrics.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.state.held()
    }

    /// What is known about the revocation feed; `None` if none is followed.
    #[must_use]
    pub fn feed(&self) -> Option<Feed> {
        self.state.revocations.as_ref().map(|revocations| revocations.feed())
    }

    pub(crate) async fn start(config: Config, paces: Paces) -> Result<Arc<Self>, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let feed = config.feed_address();
        let Config { issuer, audience, source, clock, observer, fresh_within, fresh_scopes, .. } = config;
        let wait = revocations::wait_for(fresh_within);
        let feed = feed.map(|address| Ok::<_, NoClient>((Source::at(address.clone(), wait)?, address))).transpose()?;
        let revocations = feed.is_some().then(|| Revocations::nothing(fresh_within));
        let verifier = Verifier::new(issuer.clone(), audience, Arc::clone(&clock));
        let without_keys = |demand| State::without_keys(verifier, clock, observer, demand, revocations.clone());
        let (state, task, kept_at) = match source {
            KeySource::Pinned(path) => {
                let state = without_keys(None);
                let task = runtime.spawn(pinned::follow(Arc::clone(&state), path, paces.keys.file));
                (state, task, None)
            }
            KeySource::Published { address, snapshot: path } => {
                let publisher = Publisher::at(address.clone(), paces.keys.fetch)?;
                let snapshot = path.clone().map(|path| Snapshot::at(path, address, issuer.clone()));
                let state = without_keys(Some(Demand::with_cooldown(paces.keys.cooldown)));
                let task = runtime.spawn(refresh::follow(Arc::clone(&state), publisher, snapshot, paces.keys));
                (state, task, path)
            }
        };
        let mut tasks = vec![task.abort_handle()];
        if let (Some((source, address)), Some(revocations)) = (feed, &revocations) {
            let snapshot = kept_at.map(|path| revocations::Snapshot::beside(&path, address, issuer.clone()));
            let reader = Reader::of(Arc::clone(&state), Arc::clone(revocations), source, &issuer, wait, paces.feed);
            tasks.push(runtime.spawn(reader.follow(snapshot)).abort_handle());
        }
        let keys = Arc::new(Self { state, fresh_scopes, without_feed: Once::new(), tasks });
        if !keys.fresh_scopes.are_none() {
            keys.is_fresh();
        }
        let feed_looked = async {
            if let Some(revocations) = revocations {
                revocations.looked_within(PATIENCE).await;
            }
        };
        tokio::join!(keys.state.looked_within(PATIENCE), feed_looked);
        Ok(keys)
    }
}

/// How often things happen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Paces {
    pub(crate) keys: refresh::Pace,
    pub(crate) feed: revocations::Pace,
}

impl Drop for PublishedKeys {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Authenticate for PublishedKeys {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a> {
        Box::pin(self.state.authenticate(token))
    }

    fn observer(&self) -> &dyn Observer {
        &*self.state.observer
    }

    fn is_fresh(&self) -> bool {
        let Some(revocations) = &self.state.revocations else {
            self.without_feed.call_once(|| {
                tracing::error!(
                    "no revocation feed is followed, and something is only served while one is fresh: it is never served"
                );
            });
            return false;
        };
        revocations.is_fresh()
    }

    fn must_be_fresh(&self, scope: Option<&str>) -> bool {
        self.fresh_scopes.include(scope)
    }

    fn now(&self) -> Timestamp {
        self.state.clock.now()
    }
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKeys").field("held", &self.held()).finish_non_exhaustive()
    }
}
