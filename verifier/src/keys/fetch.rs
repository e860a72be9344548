//! How keys are asked for: for programs that ask the same address for more, such as the issuer's metadata.

pub use super::freshness::date;
pub(crate) use super::freshness::retry_after;

use super::address::Address;
use crate::{KeySetError, Unused};
use http::{HeaderMap, Method, Response, StatusCode};
use reqwest::redirect;
use std::{error::Error as _, mem, time::Duration};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest answer that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// No client can be made for an address: it is `https`, and no CA certificates are installed to trust it by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot fetch keys from {address}: {reason}; are CA certificates installed (ca-certificates)?")]
pub struct NoClient {
    address: Address,
    reason: String,
}

/// Why there are no keys. Those that are held stay good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no whole answer: why.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The answer has another status than 200.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// The answer is not a key set with a key to use.
    #[error("{error}{}", explained(.unused))]
    Keys {
        /// Why not.
        error: KeySetError,
        /// What it holds instead of a usable key.
        unused: Vec<Unused>,
    },
    /// The answer was not checked completely: the runtime is about to stop.
    #[error("the answer could not be checked: {0}")]
    Judging(String),
}

fn explained(unused: &[Unused]) -> String {
    if unused.is_empty() { String::new() } else { format!(": {}", Unused::summary(unused)) }
}

/// Why there is no whole answer.
pub(crate) enum Unanswered {
    /// Nobody answered, or the answer broke off.
    Unreachable(String),
    /// It has more bytes than are read.
    TooLarge,
}

/// Without the address, which may hold a secret.
impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(reason(error))
    }
}

fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    reason
}

/// A client that follows no redirects and no proxy: keys come from the address that was set and from nowhere else.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

impl Client {
    /// For this address. An answer that takes longer than `patience` counts as a failure.
    ///
    /// # Errors
    /// [`NoClient`].
    pub fn of(address: &Address, patience: Duration) -> Result<Self, NoClient> {
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(patience);
        // Without CA certificates on the machine, only a client without trusted CAs can be made; http needs none.
        let client = if address.url().scheme() == "http" { client.tls_certs_only([]) } else { client };
        match client.build() {
            Ok(client) => Ok(Self(client)),
            Err(error) => {
                let reason = FetchError::Unreachable(reason(error)).to_string();
                Err(NoClient { address: address.clone(), reason })
            }
        }
    }

    /// Sends a request without a body. Of an answer that is not 200, the body is empty: it is not read.
    ///
    /// # Errors
    /// When there is no answer, or its body breaks off or is larger than 256 KiB.
    pub async fn send(&self, method: Method, url: &Url, headers: HeaderMap) -> Result<Response<Vec<u8>>, FetchError> {
        self.send_for(method, url, headers, MAX_BYTES).await.map_err(|why| match why {
            Unanswered::Unreachable(reason) => FetchError::Unreachable(reason),
            Unanswered::TooLarge => FetchError::Keys { error: KeySetError::TooLarge, unused: Vec::new() },
        })
    }

    /// The same for an answer of at most so many bytes.
    pub(crate) async fn send_for(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        max_bytes: usize,
    ) -> Result<Response<Vec<u8>>, Unanswered> {
        let request = self.0.request(method, url.clone()).headers(headers);
        let mut answer = request.send().await?;
        let mut body = Vec::new();
        if answer.status() == StatusCode::OK {
            while let Some(chunk) = answer.chunk().await? {
                if body.len() + chunk.len() > max_bytes {
                    return Err(Unanswered::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = mem::take(answer.headers_mut());
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reading;

    #[test]
    fn a_set_without_a_usable_key_is_explained_by_what_is_wrong_with_each() {
        let Reading { keys: Err(error), unused } = Reading::of_jwks(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#) else {
            panic!("it has no usable key");
        };
        let summary = Unused::summary(&unused);
        let explained = FetchError::Keys { error, unused }.to_string();
        assert!(!summary.is_empty() && explained.ends_with(&format!(": {summary}")), "{explained}");
        let bare = FetchError::Keys { error: KeySetError::TooLarge, unused: Vec::new() };
        assert!(bare.to_string().ends_with(&KeySetError::TooLarge.to_string()), "{bare}");
    }
}
