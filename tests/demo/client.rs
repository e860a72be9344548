//! Sends requests and shows them and their answers, tokens shortened.

use harness::Stack;
use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use std::{fmt::Write as _, time::Duration};

/// Members of bodies whose value is shown shortened.
const TOKENS: [&str; 3] = ["access_token", "refresh_token", "csrf_token"];

/// A demonstration under way.
pub(crate) struct Demo {
    client: Client,
    auth: String,
    resource: String,
    steps: usize,
    title: String,
}

/// A request, still to be sent.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) bearer: Option<&'a str>,
    pub(crate) body: Option<Value>,
}

/// What came back.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub(crate) json: Value,
}

impl Demo {
    /// With services at these URLs.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn with(urls: [&str; 2]) -> Result<Self, String> {
        // Plain HTTP on this machine: no proxy, and no need for installed certificates.
        let client = Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(10)).build();
        let client = client.map_err(|error| format!("no HTTP client: {error}"))?;
        let [auth, resource] = urls.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { client, auth, resource, steps: 0, title: String::new() })
    }

    /// Goes on with other services.
    pub(crate) fn turn_to(&mut self, pair: &Stack) {
        (self.auth, self.resource) = (pair.auth.url(), pair.resource.url());
    }

    /// Whether both services answer, and not other programs.
    pub(crate) async fn meets_a_pair(&self) -> bool {
        let json = async |url: String| self.client.get(url).send().await.ok()?.json::<Value>().await.ok();
        let metadata = json(format!("{}/.well-known/oauth-authorization-server", self.auth)).await;
        let refusal = json(format!("{}/whoami", self.resource)).await;
        metadata.is_some_and(|metadata| metadata["issuer"].is_string())
            && refusal.is_some_and(|refusal| refusal["code"] == "token_missing")
    }

    /// Prints what happened apart from requests.
    pub(crate) fn say(&self, what: &str) {
        println!("   · {what}");
    }

    /// Sends a call to auth-service, which must be down.
    pub(crate) async fn auth_is_away(&self, call: Call<'_>) -> Result<(), String> {
        let url = format!("{}{}", self.auth, call.path);
        println!("   → {}", shown(&call, &url));
        let request = self.client.request(call.method, &url).json(&call.body);
        match request.send().await {
            Err(error) if error.is_connect() => {
                println!("   ← no answer: the connection is refused");
                Ok(())
            }
            Err(error) => Err(error.without_url().to_string()),
            Ok(answer) => Err(format!("somebody answers: {}", answer.status())),
        }
    }

    /// The step under way, by number and name.
    pub(crate) fn step(&self) -> String {
        format!("{} ({})", self.steps, self.title)
    }

    /// How many steps there were.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// Begins a step.
    pub(crate) fn begin(&mut self, title: &str, story: &str) {
        self.steps += 1;
        title.clone_into(&mut self.title);
        println!("\n{}. {title}\n   {story}", self.steps);
    }

    /// Waits for a while, and prints why.
    pub(crate) async fn wait(&self, span: Duration, reason: &str) {
        println!("   … waiting for {:.1} s: {reason}", span.as_secs_f32());
        tokio::time::sleep(span).await;
    }

    /// Sends a call to auth-service.
    pub(crate) async fn auth(&self, call: Call<'_>) -> Result<Answer, String> {
        self.send("auth-service", &self.auth, call).await
    }

    /// Sends a call to resource-service.
    pub(crate) async fn resource(&self, call: Call<'_>) -> Result<Answer, String> {
        self.send("resource-service", &self.resource, call).await
    }

    async fn send(&self, service: &str, base: &str, call: Call<'_>) -> Result<Answer, String> {
        let url = format!("{base}{}", call.path);
        println!("   → {}", shown(&call, &url));
        let mut request = self.client.request(call.method, &url);
        if let Some(token) = call.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| {
            format!("{service} does not answer at {base} ({}): is `cargo xtask up` running?", error.without_url())
        };
        let answer = request.send().await.map_err(unreachable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(unreachable)?;
        let json = serde_json::from_slice(&body).unwrap_or_default();
        let answer = Answer { status, headers, json };
        println!("   ← {}", answer.shown());
        Ok(answer)
    }
}

impl Answer {
    /// The answer itself, if it has this status and (a refusal) this code.
    pub(crate) fn expect(self, status: u16, code: Option<&str>) -> Result<Self, String> {
        let got = self.json["code"].as_str();
        if self.status == status && (code.is_none() || code == got) {
            return Ok(self);
        }
        let named = |status: u16, code: Option<&str>| match code {
            Some(code) => format!("{status} {code}"),
            None => status.to_string(),
        };
        Err(format!("expected {}, got {}", named(status, code), named(self.status.as_u16(), got)))
    }

    /// A text of the body.
    pub(crate) fn text(&self, member: &str) -> Result<String, String> {
        self.json[member].as_str().map(str::to_owned).ok_or_else(|| format!("the answer has no {member}"))
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn shown(&self) -> String {
        let mut shown = self.status.as_u16().to_string();
        if !self.json.is_null() {
            write!(shown, " {}", without_secrets(&self.json)).expect("a String takes everything");
        }
        let challenge = self.header("www-authenticate");
        if !challenge.is_empty() {
            write!(shown, "\n     WWW-Authenticate: {challenge}").expect("a String takes everything");
        }
        shown
    }
}

fn shown(call: &Call<'_>, url: &str) -> String {
    let mut shown = format!("{} {url}", call.method);
    if let Some(body) = &call.body {
        write!(shown, " {}", without_secrets(body)).expect("a String takes everything");
    }
    if let Some(token) = call.bearer {
        write!(shown, "\n     Authorization: Bearer {}", shortened(token)).expect("a String takes everything");
    }
    shown
}

fn without_secrets(body: &Value) -> Value {
    let mut body = body.clone();
    for member in TOKENS {
        if let Some(token) = body.get_mut(member) {
            *token = shortened(token.as_str().unwrap_or_default()).into();
        }
    }
    if let Some(password) = body.get_mut("password") {
        *password = "…".into();
    }
    body
}

/// Enough to tell two tokens apart by eye, far too little to use one.
pub(crate) fn shortened(token: &str) -> String {
    let count = token.chars().count();
    let head: String = token.chars().take(4).collect();
    let tail: String = token.chars().skip(count.saturating_sub(6)).collect();
    if count < 24 { "…".to_owned() } else { format!("{head}…{tail}") }
}
