//! The issuer's address, over HTTP.

use super::{
    address::Address,
    fetch::{Client, FetchError, NoClient},
    freshness::Freshness,
};
use crate::{KeySet, Reading, Unused, clock::Timestamp};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
};
use std::time::{Duration, Instant};

/// A longer tag is not sent back: what takes too much room in the request would keep it from being answered.
const MAX_ETAG: usize = 512;
/// How long answers that nothing has changed are accepted without the whole set.
const WHOLE_AFTER: Duration = Duration::from_secs(60 * 60);

/// How the keys are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// The whole set, from the publisher itself: a cache between may not know the latest key.
    WhatIsThere,
    /// The whole set, unless it is still the same.
    WhatIsNew,
}

/// Where the keys are published.
pub(super) struct Publisher {
    client: Client,
    address: Address,
    /// Of the last good answer.
    last: Option<Last>,
    judging: Duration,
}

/// What the publisher said of its set.
struct Last {
    etag: HeaderValue,
    freshness: Freshness,
    at: Instant,
}

/// A good answer.
pub(super) struct Answer {
    /// The keys; `None` when they are the same as before.
    pub(super) keys: Option<KeySet>,
    /// What is published beside them.
    pub(super) unused: Vec<Unused>,
    /// How long they may be used without asking again; `None` if nothing is said about it.
    pub(super) remaining: Option<Duration>,
}

impl Publisher {
    /// A fetch that takes longer than `patience` has failed.
    ///
    /// # Errors
    /// [`NoClient`].
    pub(super) fn at(address: Address, patience: Duration) -> Result<Self, NoClient> {
        Ok(Self { client: Client::of(&address, patience)?, address, last: None, judging: Duration::ZERO })
    }

    /// Asks once. Whatever went wrong before, the question after a failure is for the whole set.
    ///
    /// # Errors
    /// Anything but a sound key set, or a 304.
    pub(super) async fn fetch(&mut self, question: Question, now: Timestamp) -> Result<Answer, FetchError> {
        self.judging = Duration::ZERO;
        let last = self.last.take().filter(|last| question == Question::WhatIsNew && last.at.elapsed() < WHOLE_AFTER);
        let mut headers = HeaderMap::new();
        if let Some(last) = &last {
            headers.insert(IF_NONE_MATCH, last.etag.clone());
        } else if question == Question::WhatIsThere {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        let asked = Instant::now();
        let answer = self.client.send(Method::GET, self.address.url(), headers).await?;
        match (answer.status(), last) {
            (StatusCode::OK, _) => {
                let freshness = Freshness::of(answer.headers(), now);
                let etag = answer.headers().get(ETAG).filter(|etag| etag.len() <= MAX_ETAG).cloned();
                let Reading { keys, unused } = self.judged(answer.into_body()).await?;
                let keys = match keys {
                    Ok(keys) => keys,
                    Err(error) => return Err(FetchError::Keys { error, unused }),
                };
                self.last = etag.map(|etag| Last { etag, freshness, at: asked });
                Ok(Answer { keys: Some(keys), unused, remaining: freshness.remaining(asked.elapsed()) })
            }
            (StatusCode::NOT_MODIFIED, Some(last)) => {
                let freshness = Freshness::of(answer.headers(), now).or(last.freshness);
                self.last = Some(Last { freshness, ..last });
                Ok(Answer { keys: None, unused: Vec::new(), remaining: freshness.remaining(asked.elapsed()) })
            }
            (status, _) => Err(FetchError::Status(status)),
        }
    }

    /// The tag of the last good answer, if it had one.
    pub(super) fn etag(&self) -> Option<&HeaderValue> {
        self.last.as_ref().map(|last| &last.etag)
    }

    /// How long checking the keys of the last answer took, if they were new.
    pub(super) fn time_spent_judging(&self) -> Duration {
        self.judging
    }

    /// Not on the runtime's threads: large keys take a while.
    async fn judged(&mut self, body: Vec<u8>) -> Result<Reading, FetchError> {
        let began = Instant::now();
        let reading = tokio::task::spawn_blocking(move || Reading::of_jwks(&body)).await;
        self.judging = began.elapsed();
        reading.map_err(|error| FetchError::Judging(error.to_string()))
    }
}
