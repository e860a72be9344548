//! An issuer's published keys, of which we have the private halves, and a count of how often they are fetched.
//! auth-service, which verifiers meet as well, rightly gives us no key to forge with.

use harness::{
    Site,
    site::{Received, Reply},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Where keys are published, as auth-service does.
pub(crate) const PATH: &str = "/.well-known/jwks.json";

/// A running publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    site: Site,
    keys: Arc<Mutex<Vec<Value>>>,
}

impl Publisher {
    /// Publishes no key yet.
    pub(crate) fn start() -> Self {
        let keys = Arc::<Mutex<Vec<Value>>>::default();
        let published = Arc::clone(&keys);
        Self { site: Site::start(move |request| answer(request, &published)), keys }
    }

    /// Its URL, which is the issuer.
    pub(crate) fn url(&self) -> String {
        self.site.url()
    }

    /// Replaces the keys.
    pub(crate) fn publish(&self, keys: &[&Value]) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys.iter().copied().cloned().collect();
    }

    /// How often the keys were fetched since this was last asked.
    pub(crate) fn fetches(&self) -> usize {
        self.site.received().iter().filter(|request| request.target == PATH).count()
    }
}

fn answer(request: &Received, keys: &Mutex<Vec<Value>>) -> Reply {
    if request.target != PATH {
        return Reply::status(404);
    }
    Reply::json(&json!({ "keys": *keys.lock().unwrap_or_else(PoisonError::into_inner) }))
}
