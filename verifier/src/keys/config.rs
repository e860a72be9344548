//! Where keys come from, and whose tokens are verified with them.

use super::{
    Paces, PublishedKeys,
    address::{Address, AddressError, JWKS_PATH},
    fetch::NoClient,
};
use crate::{
    clock::{Clock, SystemClock},
    observer::{Observer, Unobserved},
};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// How old the knowledge of what has ended may be where it must be fresh, unless the program says otherwise: three times the
/// longest that the feed is asked to wait for news.
const FRESH_WITHIN: Duration = Duration::from_secs(75);

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
    feed: FeedSetting,
    pub(super) fresh_within: Duration,
    pub(super) fresh_scopes: FreshScopes,
}

/// Whether the revocation feed is followed, and where.
#[derive(Debug, Clone)]
enum FeedSetting {
    /// Beside the keys, where they are published.
    BesideKeys,
    At(Address),
    Off,
}

/// The scopes that are only served while the feed is fresh.
#[derive(Debug, Clone, Default)]
pub(super) struct FreshScopes(Vec<String>);

impl FreshScopes {
    /// Stands for every request with a token.
    const ALL: &str = "*";

    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a route that requires this scope, or any token, is meant.
    pub(super) fn include(&self, scope: Option<&str>) -> bool {
        self.0.iter().any(|fresh| fresh == Self::ALL || Some(fresh.as_str()) == scope)
    }
}

impl Config {
    /// `issuer` and `audience` are compared with those of tokens byte by byte.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, source: KeySource) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        Self {
            issuer,
            audience,
            source,
            clock: Arc::new(SystemClock),
            observer: Arc::new(Unobserved),
            feed: FeedSetting::BesideKeys,
            fresh_within: FRESH_WITHIN,
            fresh_scopes: FreshScopes::default(),
        }
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

    /// Follows the revocation feed at this address. Without this, published keys are accompanied by the feed
    /// [beside them](Address::of_feed), and pinned ones by none.
    #[must_use]
    pub fn revocations_at(self, address: Address) -> Self {
        Self { feed: FeedSetting::At(address), ..self }
    }

    /// Follows no revocation feed: a token is good until it expires.
    #[must_use]
    pub fn without_revocations(self) -> Self {
        Self { feed: FeedSetting::Off, ..self }
    }

    /// How old the knowledge of what has ended may be where it must be fresh: 75 seconds unless set. The feed is asked to
    /// wait for news for a third of it, at least a second and at most 25.
    #[must_use]
    pub fn fresh_within(self, bound: Duration) -> Self {
        Self { fresh_within: bound, ..self }
    }

    /// Requests to routes that require one of these scopes are answered 503
    /// ([`Rejection::RevocationsStale`](crate::guard::Rejection::RevocationsStale)) while the feed is not
    /// [fresh](Self::fresh_within); `*` stands for every request with a token. All others are served however old it is.
    #[must_use]
    pub fn fresh_scopes(self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { fresh_scopes: FreshScopes(scopes.into_iter().map(Into::into).collect()), ..self }
    }

    /// Where the feed is followed, if it is.
    pub(super) fn feed_address(&self) -> Option<Address> {
        match (&self.feed, &self.source) {
            (FeedSetting::At(address), _) => Some(address.clone()),
            (FeedSetting::BesideKeys, KeySource::Published { address, .. }) => {
                let feed = address.of_feed(&self.issuer).ok();
                if feed.is_none() {
                    tracing::warn!("neither the address of the keys nor the issuer says where the revocation feed is");
                }
                feed
            }
            (FeedSetting::BesideKeys, KeySource::Pinned(_)) | (FeedSetting::Off, _) => None,
        }
    }

    /// Loads the pinned file or the snapshot, if it is there, and keeps the keys and what has ended fresh in background
    /// tasks until the last `Arc` of the [`PublishedKeys`] is dropped. Waits for the file for two seconds at most, and never for the
    /// network: until there are keys, tokens are neither accepted nor refused
    /// ([`Rejection::KeysUnavailable`](crate::guard::Rejection::KeysUnavailable)).
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(self) -> Result<Arc<PublishedKeys>, StartError> {
        PublishedKeys::start(self, Paces::default()).await
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
    fn published_keys_come_with_the_feed_beside_them_and_pinned_ones_with_none_unless_it_is_set() {
        let published = Config::new("us", "them", KeySource::of_issuer("https://auth.example").expect("a URL"));
        let pinned = Config::new("us", "them", KeySource::Pinned("keys.pem".into()));
        let at = |config: Config| config.feed_address().map(|address| address.shown());
        assert_eq!(at(published.clone()).as_deref(), Some("https://auth.example/revocations"));
        assert_eq!(at(pinned.clone()), None);
        assert_eq!(at(published.clone().without_revocations()), None);
        let elsewhere: Address = "https://cdn.example/feed".parse().expect("a URL");
        for config in [published, pinned] {
            assert_eq!(at(config.revocations_at(elsewhere.clone())).as_deref(), Some("https://cdn.example/feed"));
        }
    }

    #[test]
    fn a_star_stands_for_every_request_and_a_scope_for_itself() {
        let scopes = |list: &[&str]| FreshScopes(list.iter().map(|scope| (*scope).to_owned()).collect());
        assert!(scopes(&["*"]).include(None) && scopes(&["*"]).include(Some("a")));
        let one = scopes(&["users:write"]);
        assert!(one.include(Some("users:write")) && !one.include(Some("users")) && !one.include(None));
        assert!(scopes(&[]).are_none() && !scopes(&[]).include(None));
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
