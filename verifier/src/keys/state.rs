//! What the background task and the requests share.

use super::demand::Demand;
use crate::{
    KeySet, Refusal, VerifiedToken, Verifier,
    clock::{Clock, Timestamp},
    guard::Rejection,
    observer::Observer,
    revocations::Revocations,
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

pub(crate) struct State {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) demand: Option<Demand>,
    /// What has ended, if the feed is followed.
    pub(crate) revocations: Option<Arc<Revocations>>,
    verifier: Verifier,
    current: ArcSwapOption<Current>,
    /// The ETag of the current keys, if they were published with one.
    tag: ArcSwapOption<String>,
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
    pub(crate) fn without_keys(
        verifier: Verifier,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        demand: Option<Demand>,
        revocations: Option<Arc<Revocations>>,
    ) -> Arc<Self> {
        let (current, tag) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        let looked = watch::Sender::new(false);
        Arc::new(Self { clock, observer, demand, revocations, verifier, current, tag, looked })
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

    pub(crate) fn keys(&self) -> Option<Arc<KeySet>> {
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

    pub(crate) fn replace(&self, keys: Arc<KeySet>, origin: Origin, confirmed_at: Timestamp) {
        // The keys of a snapshot were confirmed by an earlier process; this one has not tried yet.
        let is_in_doubt = origin == Origin::Snapshot;
        self.current.store(Some(Arc::new(Current { keys, origin, confirmed_at, is_in_doubt })));
    }

    /// Notes the ETag of the current keys.
    pub(super) fn call_it(&self, tag: Option<&str>) {
        self.tag.store(tag.map(|tag| Arc::new(tag.to_owned())));
    }

    /// Whether the current keys are the ones with this ETag, compared weakly (RFC 9110, section 8.8.3.2): proxies that
    /// compress weaken it.
    pub(crate) fn are_called(&self, tag: &str) -> bool {
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        self.tag.load().as_ref().is_some_and(|held| opaque(held) == opaque(tag))
    }

    /// Notes that the current keys, if any, could not be confirmed.
    pub(super) fn doubt(&self) {
        if let Some(current) = self.current.load_full().filter(|current| !current.is_in_doubt) {
            self.current.store(Some(Arc::new(Current { is_in_doubt: true, ..current.copied() })));
        }
    }

    /// Verifies a token, if necessary with keys that are fetched for it.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<VerifiedToken, Rejection> {
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
        let token = self.verifier.verify(token, &current.keys)?;
        match &self.revocations {
            Some(revocations) if revocations.end(&token) => Err(Refusal::Ended.into()),
            _ => Ok(token),
        }
    }
}
