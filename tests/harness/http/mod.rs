//! Talking to a service as any client would; the calls of the contract are in [`auth`] and [`resource`].

mod auth;
mod resource;

use crate::{answer::Answer, documented, raw, secrets::Secrets};
use reqwest::{
    Client, Method,
    header::{AUTHORIZATION, COOKIE, SET_COOKIE},
    redirect::Policy,
};
use serde_json::Value;
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// No call may take longer: a hang is a failure.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What may be sent again after a 503, besides reads: repeating these is always safe (docs/sessions.md).
const REPEATABLE: [&str; 2] = ["/auth/refresh", "/auth/logout"];

/// One address of a service.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    port: u16,
    secrets: Secrets,
    is_documented: bool,
    asks_again: bool,
}

impl Http {
    /// Every request gets a new connection, so that a service may be restarted in between.
    pub(crate) fn to(port: u16, secrets: Secrets) -> Self {
        let client = client(None);
        Self { client, port, secrets, is_documented: true, asks_again: true }
    }

    /// An address that is not in the OpenAPI documents: for operators, or of a gateway.
    pub(crate) fn undocumented(self) -> Self {
        Self { is_documented: false, asks_again: false, ..self }
    }

    /// The same address, asked once whatever it answers: for tests of outages.
    #[must_use]
    pub fn once(&self) -> Self {
        Self { asks_again: false, ..self.clone() }
    }

    /// The same address, asked from another one of this machine, such as `127.0.1.2`: on Linux all of `127.0.0.0/8` is.
    ///
    /// # Panics
    /// When it is not an address.
    #[must_use]
    pub fn from_address(&self, address: &str) -> Self {
        let address = address.parse().expect("the test writes an address");
        Self { client: client(Some(address)), ..self.clone() }
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What this client has sent and received and must never be logged.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A request with any method.
    ///
    /// # Panics
    /// When there is no such method.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let method = Method::from_bytes(method.as_bytes()).expect("a method is a token");
        let asks_again = self.asks_again && (method == Method::GET || REPEATABLE.contains(&path));
        let inner = self.client.request(method, format!("{}{path}", self.url()));
        Request { inner, secrets: self.secrets.clone(), is_documented: self.is_documented, asks_again }
    }

    /// `GET path`
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// `POST path`
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// Sends bytes as they are, for what no HTTP client would send. They must ask for `Connection: close`.
    ///
    /// # Panics
    /// When the service does not answer and close within 45 s: it may wait 30 s for the announced body.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        raw::exchange(self.port, bytes, Duration::from_secs(45)).await
    }
}

fn client(from: Option<IpAddr>) -> Client {
    Client::builder()
        .timeout(TIMEOUT)
        .pool_max_idle_per_host(0)
        .redirect(Policy::none())
        .no_proxy()
        .tls_certs_only([])
        .local_address(from)
        .build()
        .expect("a client without TLS needs nothing from the system")
}

/// A request on its way.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    inner: reqwest::RequestBuilder,
    secrets: Secrets,
    is_documented: bool,
    asks_again: bool,
}

impl Request {
    /// Adds a header; several of the same name stay several.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { inner: self.inner.header(name, value), ..self }
    }

    /// Adds a header of any bytes.
    pub fn header_bytes(self, name: &str, value: &[u8]) -> Self {
        Self { inner: self.inner.header(name, value), ..self }
    }

    /// Adds an access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Adds a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.secrets.learn_from(body);
        Self { inner: self.inner.json(body), ..self }
    }

    /// Adds any body.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = self.header("content-type", content_type);
        Self { inner: request.inner.body(body.into()), ..request }
    }

    /// Sends it, and again while the answer is 503 if that is safe, as every client does: a busy machine may not answer
    /// in time.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(self) -> Answer {
        let until = Instant::now() + TIMEOUT;
        while self.asks_again && Instant::now() < until {
            let inner = self.inner.try_clone().expect("bodies are bytes");
            let answer = Self { inner, secrets: self.secrets.clone(), ..self }.try_send().await;
            match answer.expect("the service answers") {
                answer if answer.status == 503 => sleep(Duration::from_millis(20)).await,
                answer => return answer,
            }
        }
        self.try_send().await.expect("the service answers")
    }

    /// Sends it once, to a service that may be down.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let (client, request) = self.inner.build_split();
        let request = request?;
        for name in [AUTHORIZATION, COOKIE] {
            self.secrets.learn_from_headers(request.headers(), name);
        }
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = Answer::read(client.execute(request).await?).await?;
        if self.is_documented {
            documented::assert_is_documented(&method, &path, &answer);
        }
        self.secrets.learn_from(&answer.json);
        self.secrets.learn_from_headers(&answer.headers, SET_COOKIE);
        Ok(answer)
    }
}
