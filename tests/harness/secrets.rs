//! Whatever was sent or received that must never be in a log.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// Members of bodies, sent or received, that hold a secret. A CSRF token is not a credential by itself.
const MEMBERS: [&str; 6] = ["password", "current", "new", "refresh_token", "access_token", "flow_secret"];

/// Shorter texts, such as those of deliberately bad requests, are found anywhere.
const SHORTEST: usize = 9;

/// The secrets that a stack has seen. Copies share them.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<Mutex<BTreeSet<String>>>);

impl Secrets {
    /// Remembers a password, a token or a cookie. Of a token, the signature is what makes it a credential.
    pub fn learn(&self, secret: &str) {
        let credential = secret.rsplit('.').next().unwrap_or(secret);
        if credential.len() >= SHORTEST {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(credential.to_owned());
        }
    }

    /// Remembers the secrets in a body.
    pub fn learn_from(&self, body: &Value) {
        for member in MEMBERS {
            if let Some(secret) = body[member].as_str() {
                self.learn(secret);
            }
        }
    }

    pub(crate) fn learn_from_headers(&self, headers: &HeaderMap, name: HeaderName) {
        for value in headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok()) {
            self.learn(value.split(';').next().unwrap_or_default().trim_start_matches("Bearer "));
        }
    }

    /// The first secret in `text`, if there is one.
    #[must_use]
    pub fn found_in(&self, text: &str) -> Option<String> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // By their beginnings: a long run learns a hundred thousand secrets.
        let mut by_beginning: HashMap<&[u8], Vec<&str>> = HashMap::new();
        for secret in secrets.iter() {
            by_beginning.entry(&secret.as_bytes()[..SHORTEST]).or_default().push(secret);
        }
        let text = text.as_bytes();
        let found_at = |(at, beginning): (usize, &[u8])| {
            by_beginning.get(beginning)?.iter().find(|secret| text[at..].starts_with(secret.as_bytes()))
        };
        text.windows(SHORTEST).enumerate().find_map(found_at).map(|secret| (*secret).to_owned())
    }

    /// How many secrets there are, so that a test can tell that it looked for some.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
