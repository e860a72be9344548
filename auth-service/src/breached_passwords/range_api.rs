//! The range API of Have I Been Pwned, or a mirror of it. It is given the first five of the forty hexadecimal digits of a
//! password's SHA-1, which hundreds of breached passwords share, and answers with the rest of each.

use crate::domain::passwords::breached::{BreachedPasswords, NoAnswer, PasswordSha1};
use async_trait::async_trait;
use futures_util::future::select_ok;
use reqwest::{Client, Response, StatusCode, redirect};
use std::{error::Error as _, pin::pin, time::Duration};
use tokio::{sync::Semaphore, time::timeout};
use url::Url;

/// How long setting a password may take longer because of the API.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long the first request is alone. It is not given up when there is a second one.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many passwords are looked up at the same time. Others wait, within the same time.
const AT_ONCE: usize = 16;
/// The longest answer: the API's have some 40 KiB.
const MAX_BYTES: usize = 256 * 1024;
/// How many digits are sent.
const PREFIX: usize = 5;

/// A client of the range API.
pub struct RangeApi {
    url: Url,
    client: Client,
    places: Semaphore,
}

impl RangeApi {
    /// The API at this URL, to which `/` and the five digits are appended.
    ///
    /// # Errors
    /// One sentence, if no HTTP client can be made.
    pub fn at(url: Url) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(concat!("jeton-auth-service/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT);
        // On a machine without CA certificates, only a client that trusts none can be made; http needs no other.
        let client = if url.scheme() == "http" { client.tls_certs_only([]) } else { client };
        let client = client.build().map_err(|error| {
            format!("no HTTP client: {}; are CA certificates installed (ca-certificates)?", reason(error))
        })?;
        Ok(Self { url, client, places: Semaphore::new(AT_ONCE) })
    }

    async fn ask(&self, prefix: &str, suffix: &str) -> Result<bool, String> {
        let _place = self.places.acquire().await.map_err(|error| error.to_string())?;
        let mut first = pin!(self.ask_once(prefix, suffix));
        let second = pin!(self.ask_once(prefix, suffix));
        match timeout(PATIENCE, &mut first).await {
            Ok(Ok(is_listed)) => Ok(is_listed),
            Ok(Err(_)) => second.await,
            Err(_) => select_ok([first, second]).await.map(|(is_listed, _)| is_listed),
        }
    }

    async fn ask_once(&self, prefix: &str, suffix: &str) -> Result<bool, String> {
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| "its URL has no path")?.pop_if_empty().push(prefix);
        // Then the length of the answer does not reveal the prefix to whoever watches the network.
        let answer = self.client.get(url).header("add-padding", "true").send().await.map_err(reason)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answers {}", answer.status().as_u16()));
        }
        is_listed(&body(answer).await?, suffix)
    }
}

#[async_trait]
impl BreachedPasswords for RangeApi {
    async fn contain(&self, password: &PasswordSha1) -> Result<bool, NoAnswer> {
        let digits: String = password.expose().iter().map(|byte| format!("{byte:02X}")).collect();
        let (prefix, suffix) = digits.split_at(PREFIX);
        let answer = timeout(TIMEOUT, self.ask(prefix, suffix)).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs()))).map_err(NoAnswer)
    }
}

async fn body(mut answer: Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reason)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BYTES {
            return Err("its answer is too long".to_owned());
        }
    }
    String::from_utf8(bytes).map_err(|_| NOT_A_RANGE.to_owned())
}

const NOT_A_RANGE: &str = "its answer is not a list of SUFFIX:COUNT";

/// Whether the suffix is in the range with a count. Those with none are padding.
fn is_listed(range: &str, suffix: &str) -> Result<bool, String> {
    let mut is_listed = false;
    for line in range.lines() {
        let entry = line.split_once(':').and_then(|(listed, count)| Some((listed, count.parse::<u64>().ok()?)));
        let is_suffix =
            |listed: &str| listed.len() == suffix.len() && listed.bytes().all(|digit| digit.is_ascii_hexdigit());
        let (listed, count) = entry.filter(|(listed, _)| is_suffix(listed)).ok_or(NOT_A_RANGE)?;
        is_listed |= count > 0 && listed.eq_ignore_ascii_case(suffix);
    }
    Ok(is_listed)
}

/// The last of the causes. The error itself would show the URL, and with it a password of the URL, or the prefix.
fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = error.to_string();
        cause = error.source();
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn only_an_entry_with_a_count_lists_a_password() {
        let other = "0018A45C4D1DEF81644B54AB7F969B88D65:3";
        assert_eq!(is_listed(&format!("{other}\r\n{SUFFIX}:10434004\r\n"), SUFFIX), Ok(true));
        assert_eq!(is_listed(&format!("{}:1", SUFFIX.to_lowercase()), SUFFIX), Ok(true));
        assert_eq!(is_listed(&format!("{SUFFIX}:0\n{other}"), SUFFIX), Ok(false), "padding");
        assert_eq!(is_listed(other, SUFFIX), Ok(false));
        assert_eq!(is_listed("", SUFFIX), Ok(false));
    }

    #[test]
    fn an_answer_of_something_else_says_nothing_about_a_password() {
        for garbage in
            ["<html>", "\n", &format!("{SUFFIX}:1\n\n<p>"), &format!("{SUFFIX}:-1"), &SUFFIX[1..], "a:1", "é:1"]
        {
            assert_eq!(is_listed(garbage, SUFFIX), Err(NOT_A_RANGE.to_owned()), "{garbage}");
        }
    }
}
