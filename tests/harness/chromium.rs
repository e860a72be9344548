//! A real Chromium that a test drives through its chromedriver: tabs, scripts, clicks, the network, frozen pages.
//!
//! What is spoken is WebDriver (W3C), a dozen calls of JSON over HTTP. The crates that speak it turn on features of others in every
//! build of the workspace (thirtyfour: `preserve_order` of serde_json), so that the services would be tested otherwise than they are shipped.

use crate::{eventually, process::Process, sockets::fresh_port, warden};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command, time::Duration};
use tempfile::TempDir;

/// A browser is slow to start on a busy machine, and so are pages.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a script may take. One whose page is left goes on for ever, unheard.
const SCRIPT: Duration = Duration::from_secs(15);

/// Neither the machine's graphics nor its network: only what the test serves.
const ARGUMENTS: [&str; 16] = [
    "--headless=new",
    // Ends the browser with chromedriver, however that ends.
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-default-apps",
    "--disable-extensions",
    "--password-store=basic",
    "--use-mock-keychain",
    "--hide-scrollbars",
    "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication",
];

/// A running browser. It ends when it is dropped.
#[derive(Debug)]
pub struct Chromium {
    http: reqwest::Client,
    /// The session's address at chromedriver.
    session: String,
    _process: Process,
    _directory: TempDir,
}

/// A tab of it.
#[derive(Debug, Clone)]
pub struct Tab(String);

/// An authenticator of it that exists in its memory only, and makes passkeys.
#[derive(Debug, Clone)]
pub struct Authenticator(String);

/// What a script threw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// Its name.
    pub class: String,
    /// Its message.
    pub message: String,
    /// Its `code`, if it has one.
    pub code: Option<String>,
}

impl Chromium {
    /// Starts a browser with an empty profile and one empty tab.
    ///
    /// # Panics
    /// When Chromium or chromedriver is not installed, with the way to get it, or does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// As [`Chromium::start`], with more arguments for Chromium.
    ///
    /// # Panics
    /// As [`Chromium::start`].
    pub async fn start_with(arguments: &[&str]) -> Self {
        let directory = warden::new_directory("chromium");
        let port = fresh_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).arg("--log-level=WARNING").env("HOME", directory.path());
        command.env("TMPDIR", directory.path());
        let process = Process::start("chromedriver", command, &directory.path().join("log"), "TERM");
        let profile = format!("--user-data-dir={}", directory.path().join("profile").display());
        let arguments: Vec<&str> = ARGUMENTS.iter().chain(arguments).copied().chain([&*profile]).collect();
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "webauthn:virtualAuthenticators": true,
            "goog:chromeOptions": { "args": arguments },
            "timeouts": { "script": millis(SCRIPT), "pageLoad": millis(TIMEOUT), "implicit": 0 },
        } } });
        let (http, url) = (reqwest::Client::new(), format!("http://127.0.0.1:{port}/session"));
        let session = eventually("chromedriver and Chromium start", TIMEOUT, || async {
            let begun = spoken(http.post(&url).json(&capabilities)).await.ok()?;
            Some(format!("{url}/{}", begun["sessionId"].as_str()?))
        })
        .await;
        Self { http, session, _process: process, _directory: directory }
    }

    /// Asks chromedriver for something.
    async fn ask(&self, path: &str) -> Result<Value, String> {
        spoken(self.http.get(format!("{}/{path}", self.session))).await
    }

    /// Has chromedriver do something.
    async fn tell(&self, path: &str, what: Value) -> Result<Value, String> {
        spoken(self.http.post(format!("{}/{path}", self.session)).json(&what)).await
    }

    /// Opens a page in the current tab, and waits until it is loaded.
    ///
    /// # Panics
    /// When nothing answers at the address.
    pub async fn open(&self, url: &str) {
        self.tell("url", json!({ "url": url })).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Loads the page of the current tab again.
    ///
    /// # Panics
    /// When it cannot be loaded.
    pub async fn reload(&self) {
        self.tell("refresh", json!({})).await.expect("the page can be loaded again");
    }

    /// Goes back in the history of the current tab.
    ///
    /// # Panics
    /// When there is nothing to go back to.
    pub async fn back(&self) {
        self.tell("back", json!({})).await.expect("there is a page before");
    }

    /// The current tab.
    ///
    /// # Panics
    /// When the browser has gone.
    pub async fn tab(&self) -> Tab {
        let tab = self.ask("window").await.expect("the browser runs");
        Tab(tab.as_str().expect("a name").to_owned())
    }

    /// Opens another tab, in front, without a page.
    ///
    /// # Panics
    /// When the browser has gone.
    pub async fn new_tab(&self) -> Tab {
        let tab = self.tell("window/new", json!({ "type": "tab" })).await.expect("the browser runs");
        let tab = Tab(tab["handle"].as_str().expect("a name").to_owned());
        self.show(&tab).await;
        tab
    }

    /// Puts a tab in front: the others are hidden then.
    ///
    /// # Panics
    /// When the tab has been closed.
    pub async fn show(&self, tab: &Tab) {
        self.tell("window", json!({ "handle": tab.0 })).await.expect("an open tab");
    }

    /// All tabs, in the order in which they were opened.
    ///
    /// # Panics
    /// When the browser has gone.
    pub async fn tabs(&self) -> Vec<Tab> {
        let tabs = self.ask("window/handles").await.expect("the browser runs");
        tabs.as_array().into_iter().flatten().filter_map(Value::as_str).map(|tab| Tab(tab.to_owned())).collect()
    }

    /// Runs the body of an async function in the page of the current tab, and returns its result.
    ///
    /// # Errors
    /// What it threw.
    ///
    /// # Panics
    /// When there is no outcome within a quarter of a minute.
    pub async fn run(&self, code: &str) -> Result<Value, Thrown> {
        self.outcome(code).await.unwrap_or_else(|error| panic!("{code}: {error}"))
    }

    /// As [`Chromium::run`]. An error: the page was left meanwhile.
    async fn outcome(&self, code: &str) -> Result<Result<Value, Thrown>, String> {
        let script = format!(
            "const done = arguments[arguments.length - 1]
            ;(async () => {{ {code}\n }})().then(
              (value) => done({{ value: value ?? null }}),
              (error) => done({{ error: error?.name ?? typeof error, message: String(error?.message ?? error), code: error?.code ?? null }}),
            )"
        );
        let mut outcome = self.tell("execute/async", json!({ "script": script, "args": [] })).await?;
        Ok(match outcome["error"].as_str() {
            Some(class) => Err(Thrown {
                class: class.to_owned(),
                message: outcome["message"].as_str().unwrap_or_default().to_owned(),
                code: outcome["code"].as_str().map(str::to_owned),
            }),
            None => Ok(outcome["value"].take()),
        })
    }

    /// Runs it until its result is this one.
    ///
    /// # Panics
    /// When the result is another one for a minute.
    pub async fn until(&self, code: &str, expected: &Value) {
        let mut last = Err("nothing yet".to_owned());
        let until = tokio::time::Instant::now() + TIMEOUT;
        while tokio::time::Instant::now() < until {
            last = self.outcome(code).await;
            if last.as_ref().is_ok_and(|last| last.as_ref() == Ok(expected)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = self.outcome("return [location.href, document.readyState, document.body?.innerText]").await;
        panic!("{code}: {last:?} instead of {expected}, on {page:?}");
    }

    /// Types into the element of a selector, instead of what it holds.
    ///
    /// # Panics
    /// When there is no such element within a minute.
    pub async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        for (what, how) in [("clear", json!({})), ("value", json!({ "text": text }))] {
            self.tell(&format!("{element}/{what}"), how).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
        }
    }

    /// Presses keys in the element that has the focus.
    ///
    /// # Panics
    /// When it takes none.
    pub async fn press(&self, keys: &str) {
        let active = self.ask("element/active").await.expect("something has the focus");
        let path = format!("{}/value", path_of(&active).expect("an element"));
        self.tell(&path, json!({ "text": keys })).await.expect("it takes keys");
    }

    /// Clicks on the element of a selector, once it can be clicked on.
    ///
    /// # Panics
    /// When there is no such element within a minute, or something else takes the click.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        let clicked = self.tell(&format!("{element}/click"), json!({})).await;
        clicked.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Waits until a selector matches an element that is shown and enabled: its path.
    async fn element(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let what = format!("{selector} is there");
        eventually(&what, TIMEOUT, || async {
            let found = self.tell("elements", wanted.clone()).await.unwrap_or_default();
            for path in found.as_array().into_iter().flatten().filter_map(path_of) {
                let is = async |what| self.ask(&format!("{path}/{what}")).await == Ok(Value::Bool(true));
                if is("displayed").await && is("enabled").await {
                    return Some(path);
                }
            }
            None
        })
        .await
    }

    /// Waits until the page shows a text.
    ///
    /// # Panics
    /// When it does not for a minute; what it shows is in the message.
    pub async fn shows(&self, text: &str) {
        let until = tokio::time::Instant::now() + TIMEOUT;
        let mut shown = String::new();
        while tokio::time::Instant::now() < until {
            let found = self.outcome("return document.body?.innerText ?? ''").await.ok().and_then(Result::ok);
            // Numbers do not part from what they count.
            shown = found.and_then(|found| Some(found.as_str()?.replace('\u{a0}', " "))).unwrap_or_default();
            if shown.contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the page does not show {text:?}, but: {shown}");
    }

    /// The path and the query of the page.
    ///
    /// # Panics
    /// When the browser has gone.
    pub async fn path(&self) -> String {
        let found = self.run("return location.pathname + location.search").await;
        found.ok().and_then(|found| found.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until the page is the one of this path and query.
    ///
    /// # Panics
    /// When it is another one for a minute.
    pub async fn is_at(&self, path: &str) {
        self.until("return location.pathname + location.search", &json!(path)).await;
    }

    /// A command of the Chrome DevTools Protocol, for the current tab.
    ///
    /// # Panics
    /// When Chromium refuses it.
    pub async fn command(&self, method: &str, parameters: Value) -> Value {
        let done = self.tell("goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await;
        done.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Gives the current tab an authenticator (WebAuthn, section 11), of whose user everything is granted at once: one in the machine, whose
    /// passkeys are not synced. `others` are parameters that it has otherwise.
    ///
    /// # Panics
    /// When Chromium cannot make such a one.
    pub async fn authenticator(&self, others: &Value) -> Authenticator {
        let mut wanted = json!({
            "protocol": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": true,
        });
        for (name, value) in others.as_object().into_iter().flatten() {
            wanted[name] = value.clone();
        }
        let made = self.tell("webauthn/authenticator", wanted).await.expect("Chromium has such authenticators");
        Authenticator(made.as_str().expect("an id").to_owned())
    }

    /// Whether its user shows a fingerprint from now on, or what else is asked for.
    ///
    /// # Panics
    /// When it has been removed.
    pub async fn set_user_verified(&self, authenticator: &Authenticator, is_verified: bool) {
        let path = format!("webauthn/authenticator/{}/uv", authenticator.0);
        self.tell(&path, json!({ "isUserVerified": is_verified })).await.expect("an authenticator of this tab");
    }

    /// The passkeys that it keeps.
    ///
    /// # Panics
    /// When it has been removed.
    pub async fn passkeys(&self, authenticator: &Authenticator) -> Vec<Value> {
        let path = format!("webauthn/authenticator/{}/credentials", authenticator.0);
        self.ask(&path).await.expect("an authenticator of this tab").as_array().cloned().unwrap_or_default()
    }

    /// Takes it away, as when a key is pulled out.
    ///
    /// # Panics
    /// When it has been removed.
    pub async fn remove(&self, authenticator: Authenticator) {
        let path = format!("{}/webauthn/authenticator/{}", self.session, authenticator.0);
        spoken(self.http.delete(path)).await.expect("an authenticator of this tab");
    }

    /// Takes the network from the current tab, or gives it back: `navigator.onLine` says so too.
    ///
    /// # Panics
    /// When the browser has gone.
    pub async fn set_offline(&self, is_offline: bool) {
        self.command("Network.enable", json!({})).await;
        let unlimited = -1;
        let conditions = json!({ "offline": is_offline, "latency": 0, "downloadThroughput": unlimited, "uploadThroughput": unlimited });
        self.command("Network.emulateNetworkConditions", conditions).await;
    }

    /// All cookies of this name that the browser keeps, those that no script sees included.
    ///
    /// # Panics
    /// When the browser has gone.
    pub async fn cookies(&self, name: &str) -> Vec<Value> {
        let cookies = self.command("Storage.getCookies", json!({})).await;
        let all = cookies["cookies"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|cookie| cookie["name"] == name).collect()
    }

    /// Writes a picture of the current tab, as a PNG.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub async fn picture(&self, path: &Path) {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("a folder of our own");
        }
        // chromedriver writes it in base64, as a data URL has it.
        let picture = self.ask("screenshot").await.expect("a picture");
        let picture = BASE64.decode(picture.as_str().expect("text")).expect("base64");
        fs::write(path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// What chromedriver answers.
async fn spoken(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let is_done = answer.status().is_success();
    let mut answer: Value = answer.json().await.map_err(|error| error.to_string())?;
    let value = answer["value"].take();
    if is_done { Ok(value) } else { Err(value["message"].as_str().unwrap_or_default().to_owned()) }
}

/// The path of an element (WebDriver, section 12: the one member of its reference).
fn path_of(element: &Value) -> Option<String> {
    let (_, name) = element.as_object()?.iter().next()?;
    Some(format!("element/{}", name.as_str()?))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
