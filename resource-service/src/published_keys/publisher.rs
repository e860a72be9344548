//! The issuer's address, over HTTP.

use reqwest::{
    Client, Response, StatusCode,
    header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH},
    redirect,
};
use shared::access_token::{KeySet, KeySetError};
use std::{error::Error as _, time::Duration};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest answer that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// Where the keys are published.
pub(super) struct Publisher {
    client: Client,
    url: Url,
    /// Of the last good answer.
    etag: Option<HeaderValue>,
}

/// A good answer.
pub(super) struct Answer {
    /// The keys; `None` when they are the same as before.
    pub(super) keys: Option<KeySet>,
    /// How long they may be used without asking again.
    pub(super) max_age: Option<Duration>,
}

/// Why there are no keys. The ones at hand stay good.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no answer: {0}")]
    Unreachable(String),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Keys(#[from] KeySetError),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason = format!("{reason}: {error}");
            cause = error.source();
        }
        Self::Unreachable(reason)
    }
}

impl Publisher {
    /// Follows no redirects and no proxy: keys come from the address that was set and from nowhere else. A fetch that
    /// takes longer than `patience` has failed.
    ///
    /// # Errors
    /// One sentence, if an `https` address cannot be trusted because no CA certificates are installed.
    pub(super) fn at(url: Url, patience: Duration) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(patience);
        // Without CA certificates on the machine, only a client that trusts nobody can be made; http needs no other.
        let client = if url.scheme() == "http" { client.tls_certs_only([]) } else { client };
        let client = client.build().map_err(|error| {
            let reason = FetchError::from(error);
            format!("cannot fetch keys from {url}: {reason}; are CA certificates installed (ca-certificates)?")
        })?;
        Ok(Self { client, url, etag: None })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Anything but a sound key set, or word that it is still the same.
    pub(super) async fn fetch(&mut self) -> Result<Answer, FetchError> {
        let mut request = self.client.get(self.url.clone());
        if let Some(etag) = &self.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = request.send().await?;
        let max_age = max_age(answer.headers());
        match answer.status() {
            StatusCode::OK => {
                let etag = answer.headers().get(ETAG).cloned();
                let keys = KeySet::from_jwks(&body(answer).await?)?;
                self.etag = etag;
                Ok(Answer { keys: Some(keys), max_age })
            }
            StatusCode::NOT_MODIFIED if self.etag.is_some() => Ok(Answer { keys: None, max_age }),
            status => Err(FetchError::Status(status)),
        }
    }
}

async fn body(mut answer: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(KeySetError::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `max-age` of `Cache-Control` (RFC 9111, section 5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    directives
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .and_then(|(_, seconds)| seconds.trim().parse().ok())
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_found_among_other_directives() {
        let headers = |text: &'static str| HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(text))]);
        assert_eq!(max_age(&headers("public, Max-Age=300")), Some(Duration::from_secs(300)));
        assert_eq!(max_age(&headers("no-store")), None);
        for absurd in ["max-age=soon", "max-age=-1", "max-age=1e9", "max-age=99999999999999999999999", "max-age="] {
            assert_eq!(max_age(&headers(absurd)), None, "{absurd}");
        }
    }
}
