//! A real browser with one page open, which does what a test tells it through an API that the page can reach.

use crate::{
    eventually,
    process::Process,
    site::{Received, Reply},
    warden,
};
use serde_json::{Value, json};
use std::{
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tempfile::TempDir;

/// The program.
const PROGRAM: &str = "chromium";

/// A browser is slow to start on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A page that takes orders; to be served beside `session.js`, whose names the orders may use.
pub const OBEDIENT_PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>obedient</title>
<script type="module">
import * as names from './session.js'
Object.assign(globalThis, names)
const AsyncFunction = (async () => {}).constructor
const tell = (outcome) => fetch('/api/control/done', { method: 'POST', body: JSON.stringify(outcome) })
while (!globalThis.leaving) {
  const { number, code } = await (await fetch('/api/control/next', { cache: 'no-store' })).json()
  if (!code) { await new Promise((later) => setTimeout(later, 20)); continue }
  await new AsyncFunction(code)().then(
    (value) => tell({ number, value: value ?? null }),
    (error) => tell({ number, error: error.constructor.name, message: error.message }),
  )
}
</script>
"#;

/// The order that reloads the page.
const RELOAD: &str = "globalThis.leaving = true; setTimeout(() => location.reload(), 50)";

/// Orders for a page, and their outcomes.
#[derive(Debug, Clone, Default)]
pub struct Orders(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    number: u64,
    next: Option<String>,
    outcome: Option<Value>,
}

impl Orders {
    /// Answers the page's requests about orders; `None` for other requests.
    #[must_use]
    pub fn answer(&self, request: &Received) -> Option<Reply> {
        let mut state = self.state();
        match request.target.as_str() {
            "/control/next" => Some(Reply::json(&json!({ "number": state.number, "code": state.next.take() }))),
            "/control/done" => {
                let outcome: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                if outcome["number"] == state.number {
                    state.outcome = Some(outcome);
                }
                Some(Reply::json(&json!({})))
            }
            _ => None,
        }
    }

    /// Has the page run JavaScript, and returns its result.
    ///
    /// # Errors
    /// Name and message of the error that was thrown.
    ///
    /// # Panics
    /// When there is no outcome within 90 s.
    pub async fn run(&self, code: &str) -> Result<Value, String> {
        {
            let mut state = self.state();
            state.number += 1;
            state.next = Some(code.to_owned());
        }
        let mut outcome = eventually(code, TIMEOUT, || async { self.state().outcome.take() }).await;
        match outcome["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", outcome["message"].as_str().unwrap_or_default())),
            None => Ok(outcome["value"].take()),
        }
    }

    /// Reloads the page.
    ///
    /// # Panics
    /// When the page does not answer.
    pub async fn reload(&self) {
        self.run(RELOAD).await.expect("a page can be reloaded");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running browser. It ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    _process: Process,
    _directory: TempDir,
}

impl Browser {
    /// Opens a page.
    ///
    /// # Panics
    /// When no browser is installed, with the way to get one.
    #[must_use]
    pub fn open(url: &str) -> Self {
        let directory = warden::new_directory("browser");
        let mut command = Command::new(PROGRAM);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            // Without it, some versions end as soon as the page is loaded.
            "--remote-debugging-port=0",
        ]);
        command.arg(format!("--user-data-dir={}", directory.path().join("profile").display()));
        command.arg(url).env("HOME", directory.path());
        let process = Process::start("chromium", command, &directory.path().join("log"), "KILL");
        Self { _process: process, _directory: directory }
    }
}
