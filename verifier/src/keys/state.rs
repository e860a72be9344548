//! What the background task and the requests share.

use super::demand::Demand;
use crate::{
    KeySet, Refusal, VerifiedToken, Verifier,
    clock::{Clock, Timestamp},
    guard::Rejection,
    observer::Observer,
};
use arc_swap::ArcSwapOption;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Where the current keys came from. In JSON, its name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// The issuer's address.
    Published,
    /// The snapshot of an earlier process.
    Snapshot,
    /// The pinned file.
    Pinned,
}

/// What is known about the current keys.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
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

pub(super) struct State {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) demand: Option<Demand>,
    verifier: Verifier,
    current: ArcSwapOption<Current>,
    /// Whether the file on this machine, pinned or a snapshot, has been read.
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

impl State {
    pub(super) fn without_keys(
        verifier: Verifier,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        demand: Option<Demand>,
    ) -> Arc<Self> {
        let (current, looked) = (ArcSwapOption::empty(), watch::Sender::new(false));
        Arc::new(Self { clock, observer, demand, verifier, current, looked })
    }

    /// For the background task: the file on this machine has been read, or is not there.
    pub(super) fn has_looked(&self) {
        self.looked.send_replace(true);
    }

    /// Waits until the file on this machine has been read, but no longer than this.
    pub(super) async fn looked_within(&self, patience: Duration) {
        let mut looked = self.looked.subscribe();
        drop(tokio::time::timeout(patience, looked.wait_for(|looked| *looked)).await);
    }

    pub(super) fn held(&self) -> Option<Held> {
        self.current.load().as_ref().map(|current| Held {
            count: current.keys.len(),
            source: current.origin,
            age: self.clock.now().since(current.confirmed_at),
            is_in_doubt: current.is_in_doubt,
        })
    }

    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.current.load().as_ref().map(|current| Arc::clone(&current.keys))
    }

    /// For the log: which keys come and go.
    pub(super) fn say_what_changes(&self, new: &KeySet) {
        let Some(old) = self.keys() else {
            tracing::info!(kids = ?new.kids(), "verification keys are available");
            return;
        };
        let came: Vec<&str> = new.kids().into_iter().filter(|kid| !old.contains(kid)).collect();
        let went: Vec<&str> = old.kids().into_iter().filter(|kid| !new.contains(kid)).collect();
        if *old != *new {
            tracing::info!(?came, ?went, keys = new.len(), "the keys have changed");
        }
    }

    pub(super) fn replace(&self, keys: Arc<KeySet>, origin: Origin, confirmed_at: Timestamp) {
        // The keys of a snapshot were confirmed by an earlier process; this one has not tried yet.
        let is_in_doubt = origin == Origin::Snapshot;
        self.current.store(Some(Arc::new(Current { keys, origin, confirmed_at, is_in_doubt })));
    }

    /// Notes that the current keys, if any, could not be confirmed.
    pub(super) fn doubt(&self) {
        if let Some(current) = self.current.load_full().filter(|current| !current.is_in_doubt) {
            self.current.store(Some(Arc::new(Current { is_in_doubt: true, ..current.copied() })));
        }
    }

    /// Verifies a token, if necessary with keys that are fetched for it.
    pub(super) async fn authenticate(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        let verdict = self.verify(token);
        match &self.demand {
            Some(demand) if matches!(verdict, Err(Rejection::Refused(Refusal::UnknownKey))) => {
                if demand.newer_keys().await { self.verify(token) } else { verdict }
            }
            _ => verdict,
        }
    }

    fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        let current = self.current.load();
        let current = current.as_ref().ok_or(Rejection::KeysUnavailable)?;
        Ok(self.verifier.verify(token, &current.keys)?)
    }
}
