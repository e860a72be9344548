//! Verification keys that stay fresh: fetched in the background, or pinned in a file. A request waits for them only if
//! its token names a key that is not known yet.
//!
//! - Keys are fetched again after half of their `max-age`, and their `ETag` saves a transfer if they are unchanged.
//! - While they cannot be fetched, the current ones stay in use; a [snapshot](KeySource::with_snapshot) carries them over a restart.
//! - Tokens with an unknown `kid`, however many, cause one fetch in ten seconds at most.
//! - A request that is dropped cancels nothing: fetches belong to the background task.

mod address;
mod config;
mod demand;
pub mod fetch;
mod files;
mod freshness;
mod pinned;
mod publisher;
mod refresh;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
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
    guard::{Authenticate, Verdict},
    observer::Observer,
};
use demand::Demand;
use publisher::Publisher;
use refresh::Pace;
use state::State;
use std::{fmt, sync::Arc, time::Duration};
use tokio::{runtime::Handle, task::AbortHandle};

/// How long a start waits for the pinned file or the snapshot to be read. After that, it goes on without keys: the file
/// is read again later, or the keys are fetched.
const PATIENCE: Duration = Duration::from_secs(2);

/// The keys of one issuer, and the verifier that uses them. [`Config::start`] makes one; its background task ends when it is
/// dropped.
pub struct PublishedKeys {
    state: Arc<State>,
    task: AbortHandle,
}

impl PublishedKeys {
    /// What is known about the current keys, if there are any: for health checks and metrics.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.state.held()
    }

    async fn start(config: Config, pace: Pace) -> Result<Arc<Self>, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Config { issuer, audience, source, clock, observer } = config;
        let verifier = Verifier::new(issuer.clone(), audience, Arc::clone(&clock));
        let without_keys = |demand| State::without_keys(verifier, clock, observer, demand);
        let (state, task) = match source {
            KeySource::Pinned(path) => {
                let state = without_keys(None);
                let task = runtime.spawn(pinned::follow(Arc::clone(&state), path, pace.file));
                (state, task)
            }
            KeySource::Published { address, snapshot } => {
                let publisher = Publisher::at(address.clone(), pace.fetch)?;
                let snapshot = snapshot.map(|path| Snapshot::at(path, address, issuer));
                let state = without_keys(Some(Demand::with_cooldown(pace.cooldown)));
                let task = runtime.spawn(refresh::follow(Arc::clone(&state), publisher, snapshot, pace));
                (state, task)
            }
        };
        let keys = Arc::new(Self { state, task: task.abort_handle() });
        keys.state.looked_within(PATIENCE).await;
        Ok(keys)
    }
}

impl Drop for PublishedKeys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Authenticate for PublishedKeys {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a> {
        Box::pin(self.state.authenticate(token))
    }

    fn observer(&self) -> &dyn Observer {
        &*self.state.observer
    }
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKeys").field("held", &self.held()).finish_non_exhaustive()
    }
}
