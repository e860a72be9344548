//! An issuer's published metadata and keys, with keys that we have the private halves of, and a count of how often they
//! are fetched. auth-service, which verifiers meet as well, rightly gives us no key to forge with.

use harness::{
    Site,
    site::{Received, Reply},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

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
        self.site.received().iter().filter(|request| request.target == "/jwks").count()
    }
}

fn answer(request: &Received, keys: &Mutex<Vec<Value>>) -> Reply {
    let issuer = format!("http://{}", request.header("host").first().copied().unwrap_or_default());
    match request.target.as_str() {
        "/.well-known/oauth-authorization-server" => Reply::json(
            &json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"), "response_types_supported": [] }),
        ),
        "/jwks" => Reply::json(&json!({ "keys": *keys.lock().unwrap_or_else(PoisonError::into_inner) })),
        _ => Reply::status(404),
    }
}
