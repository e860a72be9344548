//! What has ended: where it is read, and which requests wait until that is recent.

use super::keys::http_url;
use jeton_verifier::{
    guard::is_scope,
    keys::{self, Address, KeySource},
};
use shared::{
    settings,
    settings::{Settings, duration_within},
};
use std::time::Duration;
use url::Url;

settings! {
    /// URL of the revocation feed, or off; by default /revocations beside the published keys, and off with pinned ones.
    url RESOURCE_REVOCATIONS_URL: Feed, feed;
    /// Scopes whose routes are answered 503 while the feed is not fresh, separated by spaces; *: all requests.
    plain RESOURCE_FRESH_SCOPES: Vec<String>, scopes;
    /// How recent the feed must be for these scopes: 3s to 10m. The feed waits for news for at most a third of it.
    plain RESOURCE_FRESH_WITHIN: Duration = "10s", |text| duration_within(text, "3s", "10m");
}

/// Whether the feed is followed.
#[derive(Debug, Clone)]
enum Feed {
    At(Url),
    Off,
}

/// How the feed is followed.
#[derive(Debug, Clone)]
pub struct Revocations {
    /// Where it is; `None` if it is not followed.
    pub address: Option<Address>,
    /// Scopes whose routes need a fresh feed.
    fresh_scopes: Vec<String>,
    fresh_within: Duration,
}

impl Revocations {
    pub(super) fn read(settings: &Settings, keys: &KeySource, issuer: &str) -> Self {
        let address = match (settings.find(&RESOURCE_REVOCATIONS_URL), keys) {
            (Some(Feed::At(url)), _) => Some(Address::from(url)),
            (None, KeySource::Published { address, .. }) => address.of_feed(issuer).ok(),
            (Some(Feed::Off), _) | (None, KeySource::Pinned(_)) => None,
        };
        let fresh_scopes = settings.find(&RESOURCE_FRESH_SCOPES).unwrap_or_default();
        if address.is_none() && !fresh_scopes.is_empty() {
            settings
                .mistake("RESOURCE_FRESH_SCOPES needs the revocation feed: set RESOURCE_REVOCATIONS_URL to its URL");
        }
        Self { address, fresh_scopes, fresh_within: settings.get(&RESOURCE_FRESH_WITHIN) }
    }

    /// Sets up the verifier. Without scopes that need it to be fresh, the feed is asked less often.
    #[must_use]
    pub fn applied_to(self, config: keys::Config) -> keys::Config {
        let config = match self.address {
            Some(address) => config.revocations_at(address),
            None => config.without_revocations(),
        };
        if self.fresh_scopes.is_empty() {
            return config;
        }
        config.fresh_within(self.fresh_within).fresh_scopes(self.fresh_scopes)
    }
}

fn feed(text: &str) -> Result<Feed, String> {
    if text == "off" { Ok(Feed::Off) } else { http_url(text).map(Feed::At) }
}

fn scopes(text: &str) -> Result<Vec<String>, String> {
    if is_scope(text) {
        Ok(text.split(' ').map(str::to_owned).collect())
    } else {
        Err("must be scopes separated by single spaces, or *".to_owned())
    }
}
