//! A real Prometheus on loopback, with the files of `docs/monitoring/`: only addresses and the interval are replaced.

use crate::{eventually, http::Http, process::Process, secrets::Secrets, sockets, warden};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    http: Http,
    _process: Process,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts it with the sample configuration, watching the admin addresses of two services.
    ///
    /// # Panics
    /// When it is not installed, with the way to get it, or does not start.
    pub async fn start(auth: &Http, resource: &Http) -> Self {
        let directory = warden::new_directory("prometheus");
        let mut log = String::new();
        for _ in 0..5 {
            write_configuration(directory.path(), auth, resource);
            let http = Http::to(sockets::fresh_port(), Secrets::default());
            let mut process = spawn(directory.path(), &http);
            if is_ready(&http, &mut process).await {
                return Self { http, _process: process, _directory: directory };
            }
            log = process.tail();
        }
        panic!("prometheus does not start\n{log}");
    }

    /// The `data` that its API answers.
    ///
    /// # Panics
    /// When it answers an error.
    pub async fn api(&self, path: &str) -> Value {
        let answer = self.http.get(&format!("/api/v1/{path}")).send().await.expect(200);
        answer.json["data"].clone()
    }

    /// The current result of an expression.
    ///
    /// # Panics
    /// When Prometheus does not understand it.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let escaped = url_escaped(expression);
        let data = self.api(&format!("query?query={escaped}")).await;
        data["result"].as_array().unwrap_or_else(|| panic!("{expression}: {data}")).clone()
    }

    /// The targets, once each of `expected` was scraped, with or without success.
    ///
    /// # Panics
    /// When that takes a minute.
    pub async fn scraped(&self, expected: usize) -> Vec<Value> {
        eventually("each target was scraped", TIMEOUT, async || {
            let targets = self.api("targets").await["activeTargets"].as_array()?.clone();
            let is_scraped = |target: &Value| target["health"] != "unknown";
            (targets.len() == expected && targets.iter().all(is_scraped)).then_some(targets)
        })
        .await
    }
}

/// The path of `prometheus` or `promtool`, which comes with it.
///
/// # Panics
/// When it is not installed, with the way to get it.
#[must_use]
pub fn path_of(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{program} is missing: `apt-get install prometheus` (Debian), `brew install prometheus` (macOS)")
    })
}

/// Where the sample configuration, the alerts and the dashboard are.
#[must_use]
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/monitoring")
}

fn write_configuration(directory: &Path, auth: &Http, resource: &Http) {
    let read = |name: &str| fs::read_to_string(samples().join(name)).expect("a sample of the documentation");
    let mut configuration = read("prometheus.yml");
    let replaced = [
        (":9080", format!(":{}", auth.port())),
        (":9081", format!(":{}", resource.port())),
        (": 15s", ": 1s".to_owned()),
    ];
    for (written, ours) in replaced {
        assert!(configuration.contains(written), "{written} is not in prometheus.yml");
        configuration = configuration.replace(written, &ours);
    }
    fs::write(directory.join("prometheus.yml"), configuration).expect("our own directory");
    fs::write(directory.join("alerts.yml"), read("alerts.yml")).expect("our own directory");
}

fn spawn(directory: &Path, http: &Http) -> Process {
    let mut command = Command::new(path_of("prometheus"));
    command.current_dir(directory).args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
    command.arg(format!("--web.listen-address=127.0.0.1:{}", http.port()));
    Process::start("prometheus", command, &directory.join("log"), "KILL")
}

async fn is_ready(http: &Http, process: &mut Process) -> bool {
    let until = Instant::now() + TIMEOUT;
    while Instant::now() < until && process.ended().is_none() {
        if http.get("/-/ready").try_send().await.is_ok_and(|answer| answer.status == 200) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Every byte but letters and digits, as `%xx`.
fn url_escaped(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}
