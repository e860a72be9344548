//! Calls the service through its public URL, as a browser and a verifier would: not through this machine's proxy, and
//! without following redirects.

use crate::http::{AddressHeader, Site, doctor::ASKS};
use futures_util::future::join_all;
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use shared::clock::Clock;
use std::{collections::BTreeMap, error::Error as _, time::Duration};
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(4);
const MAX_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By name, in lower case.
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
    /// The metadata again, requested with a claim to another address.
    pub(super) marked: Option<Fetched>,
    /// The protocol at the address.
    pub(super) spoken: Spoken,
}

/// The protocol at the public URL's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spoken {
    /// As far as is known, the URL's.
    AsWritten,
    /// Plain http, where the URL says https.
    PlainHttp,
    /// TLS, where the URL says http.
    Tls,
    /// TLS, with a certificate that is not accepted.
    With(Certificate),
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Certificate {
    /// No authority that this machine trusts has signed it.
    Untrusted,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for another host.
    OfAnotherHost,
    /// In the words of the TLS library.
    Other(String),
}

/// The address that the doctor claims. It is reserved for documentation (RFC 5737), so no client has it.
pub(super) const CLAIMED: &str = "192.0.2.77";

pub(super) async fn look(site: &Site, question: &str, clock: &dyn Clock) -> View {
    let nothing = |reason: String, spoken: Spoken| View {
        metadata: Err(reason),
        key_set: Err("not asked".to_owned()),
        preflights: Vec::new(),
        marked: None,
        spoken,
    };
    let issuer = site.issuer();
    let client = match client(issuer) {
        Ok(client) => client,
        Err(reason) => return nothing(reason, spoken_at(issuer, "").await),
    };
    // A query of its own, so that no cache on the way answers.
    let url = format!("{issuer}/.well-known/oauth-authorization-server?doctor={}", clock.now().millis());
    let metadata = fetch(client.get(&url).header(ASKS, question)).await;
    let metadata = match metadata {
        Ok(answer) if answer.status == 200 => Ok(answer),
        other => {
            let spoken = spoken_at(issuer, other.as_ref().err().map_or("", String::as_str)).await;
            return View { metadata: other, ..nothing(String::new(), spoken) };
        }
    };
    let key_set = fetch(client.get(format!("{issuer}/.well-known/jwks.json")));
    let preflights = join_all(site.origins().map(|origin| preflight(&client, issuer, origin)));
    let marked = fetch(claiming(client.get(format!("{url}1")).header(ASKS, question), site.address_header()));
    let (key_set, preflights, marked) = tokio::join!(key_set, preflights, marked);
    View { metadata, key_set, preflights, marked: Some(marked), spoken: Spoken::AsWritten }
}

/// A request that claims to be forwarded for [`CLAIMED`], in each header that might be trusted.
fn claiming(request: RequestBuilder, header: &AddressHeader) -> RequestBuilder {
    let request = request.header("x-forwarded-for", CLAIMED).header("forwarded", format!("for={CLAIMED}"));
    match header {
        AddressHeader::Single(name) => request.header(name.as_str(), CLAIMED),
        AddressHeader::XForwardedFor | AddressHeader::Forwarded => request,
    }
}

fn client(issuer: &str) -> Result<Client, String> {
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(TIMEOUT);
    // On a machine without CA certificates, only a client that trusts none can be made; http needs no other.
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

/// The protocol at an address that did not answer as it should, for `reason`.
async fn spoken_at(issuer: &str, reason: &str) -> Spoken {
    if let Some(certificate) = Certificate::refused(reason) {
        return Spoken::With(certificate);
    }
    let other = if issuer.starts_with("https:") { "http" } else { "https" };
    let Some(url) = with_scheme(issuer, other) else { return Spoken::AsWritten };
    // Any certificate will do: nothing secret is sent.
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(TIMEOUT);
    let client = if other == "http" { client.tls_certs_only([]) } else { client.tls_danger_accept_invalid_certs(true) };
    let Ok(client) = client.build() else { return Spoken::AsWritten };
    match fetch(client.get(url)).await {
        Ok(_) if other == "https" => Spoken::Tls,
        // Servers that expect TLS answer plain http with 400.
        Ok(answer) if answer.status != 400 => Spoken::PlainHttp,
        _ => Spoken::AsWritten,
    }
}

fn with_scheme(issuer: &str, scheme: &str) -> Option<Url> {
    let mut url = Url::parse(issuer).ok()?;
    let port = url.port_or_known_default();
    url.set_scheme(scheme).ok()?;
    url.set_port(port).ok()?;
    Some(url)
}

impl Certificate {
    /// Recognised by the words of the TLS library: nothing else of its error comes through the HTTP client.
    fn refused(reason: &str) -> Option<Self> {
        let (_, words) = reason.split_once("invalid peer certificate")?;
        let kinds = [
            (["UnknownIssuer", "CaUsedAsEndEntity"], Self::Untrusted),
            (["Expired", "expired"], Self::Expired),
            (["NotValidYet", "not valid yet"], Self::NotYetValid),
            (["NotValidForName", "not valid for"], Self::OfAnotherHost),
        ];
        let known = kinds.into_iter().find(|(names, _)| names.iter().any(|name| words.contains(name)));
        Some(known.map_or_else(|| Self::Other(words.trim_start_matches([':', ' ']).to_owned()), |(_, kind)| kind))
    }
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
            return Err("the answer is too long".to_owned());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last of the causes, which is the reason.
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
