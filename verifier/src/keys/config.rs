//! Where keys come from, and whose tokens are verified with them.

use super::{
    PublishedKeys,
    address::{Address, AddressError},
    fetch::NoClient,
    refresh::Pace,
};
use crate::{
    clock::{Clock, SystemClock},
    observer::{Observer, Unobserved},
};
use std::{fmt, path::PathBuf, sync::Arc};

/// Where an issuer publishes its keys, below its URL.
const JWKS_PATH: &str = "/.well-known/jwks.json";

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

impl KeySource {
    /// The address at which an issuer publishes its keys.
    ///
    /// # Errors
    /// When the issuer is not a URL of `http` or `https`.
    pub fn of_issuer(issuer: &str) -> Result<Self, AddressError> {
        let address = format!("{}{JWKS_PATH}", issuer.trim_end_matches('/')).parse()?;
        Ok(Self::Published { address, snapshot: None })
    }

    /// Adds a file that keeps the last good keys, so that a restart works while the issuer is down. Pinned keys do not
    /// need one.
    #[must_use]
    pub fn with_snapshot(self, path: impl Into<PathBuf>) -> Self {
        match self {
            Self::Published { address, .. } => Self::Published { address, snapshot: Some(path.into()) },
            pinned @ Self::Pinned(_) => pinned,
        }
    }
}

/// Why [`Config::start`] fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No client can be made for the address.
    #[error(transparent)]
    NoClient(#[from] NoClient),
    /// There is no runtime for the background task.
    #[error("keys are kept fresh by a task of tokio: start them within its runtime")]
    NoRuntime,
}

/// Whose tokens are accepted, for whom, and with which keys.
#[derive(Clone)]
pub struct Config {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) source: KeySource,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
}

impl Config {
    /// `issuer` and `audience` are compared with those of tokens byte by byte.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, source: KeySource) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        Self { issuer, audience, source, clock: Arc::new(SystemClock), observer: Arc::new(Unobserved) }
    }

    /// Uses another clock than the machine's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets an observer, which learns what happens.
    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Loads the pinned file or the snapshot, if it is there, and keeps the keys fresh in a background task until the
    /// last `Arc` of the [`PublishedKeys`] is dropped. Waits for the file for two seconds at most, and never for the
    /// network: until there are keys, tokens are neither accepted nor refused
    /// ([`Rejection::KeysUnavailable`](crate::guard::Rejection::KeysUnavailable)).
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(self) -> Result<Arc<PublishedKeys>, StartError> {
        PublishedKeys::start(self, Pace::default()).await
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, audience, source, .. } = self;
        let mut debug = f.debug_struct("Config");
        debug.field("issuer", issuer).field("audience", audience).field("source", source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_shows_what_it_is_for() {
        let source = KeySource::of_issuer("https://auth.example").expect("a URL");
        let shown = format!("{:?}", Config::new("https://auth.example", "books", source));
        assert!(shown.contains("\"https://auth.example\"") && shown.contains("\"books\""), "{shown}");
    }

    #[test]
    fn an_issuer_publishes_its_keys_below_its_url() {
        for issuer in ["https://auth.example/tenant", "https://auth.example/tenant/"] {
            let Ok(KeySource::Published { address, snapshot: None }) = KeySource::of_issuer(issuer) else {
                panic!("{issuer} is a URL");
            };
            assert_eq!(address.shown(), "https://auth.example/tenant/.well-known/jwks.json");
        }
        assert_eq!(KeySource::of_issuer("auth.example"), Err(AddressError));
    }
}
