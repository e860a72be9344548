//! The issuer's feed, over HTTP.

use super::page::{Page, PageError};
use crate::keys::{
    Address,
    fetch::{Client, NoClient, Unanswered, retry_after},
};
use http::{HeaderMap, Method, StatusCode};
use std::time::{Duration, Instant};

/// The largest page that is read, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How long an answer may take, besides the time that it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing new is known. What is held stays in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// There is no whole answer: why.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The answer has another status than 200. 404 is that of an issuer that has no feed.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// The answer has more than 8 MiB.
    #[error("the page is larger than 8 MiB")]
    TooLarge,
    /// The answer is not a page that can be believed.
    #[error("the page is not used: {0}")]
    Page(#[from] PageError),
    /// There is no key to verify a page with.
    #[error("there is no key to verify the page with")]
    NoKeys,
    /// The answer was not checked completely: the runtime is about to stop.
    #[error("the page could not be checked: {0}")]
    Judging(String),
}

impl From<Unanswered> for FeedError {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Unreachable(reason) => Self::Unreachable(reason),
            Unanswered::TooLarge => Self::TooLarge,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// What came after this.
    pub(super) after: u64,
    /// How long to wait for something to come.
    pub(super) wait: Duration,
}

/// An answer that was read whole and not judged.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// When the question was sent.
    pub(super) asked: Instant,
    /// How long the issuer wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// Where the feed is.
pub(crate) struct Source {
    client: Client,
    address: Address,
}

impl Source {
    /// `wait` is the longest that it will be asked to wait.
    pub(crate) fn at(address: Address, wait: Duration) -> Result<Self, NoClient> {
        Ok(Self { client: Client::of(&address, wait + PATIENCE)?, address })
    }

    pub(super) async fn ask(&self, question: Question) -> Result<Answer, FeedError> {
        let mut url = self.address.url().clone();
        url.query_pairs_mut()
            .append_pair("after", &question.after.to_string())
            .append_pair("wait", &question.wait.as_secs().to_string());
        let asked = Instant::now();
        let answer = self.client.send_for(Method::GET, &url, HeaderMap::new(), MAX_BYTES).await?;
        if answer.status() != StatusCode::OK {
            return Err(FeedError::Status(answer.status()));
        }
        let retry_after = retry_after(answer.headers());
        Ok(Answer { body: answer.into_body(), asked, retry_after })
    }
}

/// What the feed shows at one glance, for programs that examine an installation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Glance {
    /// How many endings the first page names.
    pub entries: usize,
    /// Whether there are more.
    pub more: bool,
    /// When the page was made, in seconds since 1970 by the issuer's clock.
    pub made_at: u64,
}

/// Reads the first page and verifies it with these keys.
///
/// # Errors
/// [`NoClient`], or why the page is not used.
pub async fn glance(address: &Address, issuer: &str, keys: &crate::KeySet) -> Result<Glance, FeedError> {
    let source =
        Source::at(address.clone(), Duration::ZERO).map_err(|error| FeedError::Unreachable(error.to_string()))?;
    let answer = source.ask(Question { after: 0, wait: Duration::ZERO }).await?;
    let page = Page::read(&answer.body, issuer, keys)?;
    page.follows(0)?;
    Ok(Glance { entries: page.ended.len(), more: page.more, made_at: page.iat })
}
