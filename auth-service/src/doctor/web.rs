//! Asks the service through its public URL, as a browser and a verifier would: no proxy of this machine's, no redirects.

use crate::http::{Site, doctor::ASKS};
use futures_util::future::join_all;
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use shared::clock::Clock;
use std::{collections::BTreeMap, error::Error as _, time::Duration};

const TIMEOUT: Duration = Duration::from_secs(4);
const MAX_BYTES: usize = 256 * 1024;

/// An answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By their names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer, or why there is none.
pub(super) type Fetched = Result<Answer, String>;

/// What is seen from outside.
pub(super) struct View {
    pub(super) metadata: Fetched,
    pub(super) key_set: Fetched,
    /// By origin.
    pub(super) preflights: Vec<(String, Fetched)>,
    /// Where https is not answered: whether plain http is, at the same address.
    pub(super) in_plain_http: bool,
}

pub(super) async fn look(site: &Site, question: &str, clock: &dyn Clock) -> View {
    let nothing = |reason: String| View {
        metadata: Err(reason),
        key_set: Err("not asked".to_owned()),
        preflights: Vec::new(),
        in_plain_http: false,
    };
    let issuer = site.issuer();
    let client = match client(issuer) {
        Ok(client) => client,
        Err(reason) => return View { in_plain_http: answers_in_plain_http(issuer).await, ..nothing(reason) },
    };
    // What a cache between here and the service has kept is no answer to the question.
    let metadata = format!("{issuer}/.well-known/oauth-authorization-server?doctor={}", clock.now().millis());
    let metadata = fetch(client.get(metadata).header(ASKS, question)).await;
    if metadata.is_err() {
        let in_plain_http = answers_in_plain_http(issuer).await;
        return View { in_plain_http, metadata, ..nothing(String::new()) };
    }
    let key_set = fetch(client.get(format!("{issuer}/.well-known/jwks.json")));
    let preflights = join_all(site.origins().map(|origin| preflight(&client, issuer, origin)));
    let (key_set, preflights) = tokio::join!(key_set, preflights);
    View { metadata, key_set, preflights, in_plain_http: false }
}

fn client(issuer: &str) -> Result<Client, String> {
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(TIMEOUT);
    // Without CA certificates on the machine, only a client that trusts nobody can be made; http needs no other.
    let client = if issuer.starts_with("http://") { client.tls_certs_only([]) } else { client };
    client.build().map_err(|error| format!("{}; are CA certificates installed (ca-certificates)?", chain(&error)))
}

/// What a browser asks before a page of another origin may log in.
async fn preflight(client: &Client, issuer: &str, origin: &str) -> (String, Fetched) {
    let request = client
        .request(Method::OPTIONS, format!("{issuer}/auth/refresh"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-csrf-token");
    (origin.to_owned(), fetch(request).await)
}

async fn answers_in_plain_http(issuer: &str) -> bool {
    let Ok(mut url) = url::Url::parse(issuer) else { return false };
    let port = url.port_or_known_default();
    if url.scheme() != "https" || url.set_scheme("http").is_err() || url.set_port(port).is_err() {
        return false;
    }
    let Ok(client) = client(url.as_str()) else { return false };
    fetch(client.get(url)).await.is_ok()
}

async fn fetch(request: RequestBuilder) -> Fetched {
    let answer = request.send().await.map_err(|error| chain(&error))?;
    let status = answer.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok(Answer { status, headers, body: body(answer).await? })
}

async fn body(mut answer: Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BYTES {
            return Err("the answer does not end".to_owned());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The reason, which is at the end of the causes.
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let mut cause = error.source();
    let mut reason = error.to_string();
    while let Some(error) = cause {
        reason = error.to_string();
        cause = error.source();
    }
    reason
}
