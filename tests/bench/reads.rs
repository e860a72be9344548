//! A protected `GET` against the same handler without a check, in the same server.

use crate::{
    connection::{Connection, get},
    cpu::{self, micros},
    raw::Signed,
    report::{Goal, Report},
};
use actix_web::{HttpResponse, HttpServer, web};
use futures_util::future::join_all;
use harness::{forge::Issuer, process::Process, sockets};
use resource_service::{
    app::{assemble, public_app},
    cli::command,
    config::Config,
};
use serde_json::json;
use std::{
    env, fs,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The argument with which this program becomes the server.
pub(crate) const SERVE: &str = "serve";

const ISSUER: &str = "http://issuer.example";
const CONNECTIONS: usize = 8;
/// Of each kind in a round.
const REQUESTS: usize = 16_000;
const NEW: usize = 1_600;
const ROUNDS: usize = 5;

pub(crate) async fn measure(report: &mut Report) {
    let issuer = Issuer::new(ISSUER);
    let mut client = Client::of(Server::start(&issuer)).await;
    let seen = get("/whoami", &issuer.token());
    let unchecked = get("/unchecked", &issuer.token());
    for request in [&seen, &unchecked] {
        client.ask(CONNECTIONS * 200, |_| request).await;
    }
    let (mut free, mut again, mut new, mut raw) = <(Spent, Spent, Spent, Duration)>::default();
    for _ in 0..ROUNDS {
        let tokens: Vec<String> = (0..NEW).map(|_| issuer.token()).collect();
        let requests: Vec<_> = tokens.iter().map(|token| get("/whoami", token)).collect();
        free += client.ask(REQUESTS, |_| &unchecked).await;
        again += client.ask(REQUESTS, |_| &seen).await;
        new += client.ask(NEW, |index| &requests[index]).await;
        raw += Signed::of(&tokens, issuer.public_key()).verification();
    }
    let raw = cpu::each(raw, ROUNDS);
    let [free, again, new] = [free, again, new].map(|spent| (spent.rate(), spent.each()));
    report.detail(&format!(
        "unchecked {:.0}/s and {:.1} µs, seen before {:.0}/s and {:.1} µs, new {:.1} µs, raw verification {:.1} µs",
        free.0,
        micros(free.1),
        again.0,
        micros(again.1),
        micros(new.1),
        micros(raw)
    ));
    report.row("protected GET, tokens seen before: requests/s ÷ unchecked", again.0 / free.0, "", Goal::AtLeast(0.80));
    let ratio = new.1.as_secs_f64() / (free.1 + raw).as_secs_f64();
    report.row("protected GET, each token new: processor time ÷ (unchecked + raw)", ratio, "", Goal::AtMost(1.25));
}

/// What a number of requests took.
#[derive(Debug, Default, Clone, Copy)]
struct Spent {
    requests: usize,
    processor: Duration,
    time: Duration,
}

impl Spent {
    fn rate(self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }

    /// Of the server's processor time.
    fn each(self) -> Duration {
        cpu::each(self.processor, self.requests)
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.processor += more.processor;
        self.time += more.time;
    }
}

/// Connections to a server, used at the same time.
struct Client {
    server: Server,
    connections: Vec<Connection>,
}

impl Client {
    async fn of(server: Server) -> Self {
        let connections = join_all((0..CONNECTIONS).map(|_| Connection::to(server.port))).await;
        Self { server, connections }
    }

    async fn ask<'a>(&mut self, requests: usize, request: impl Fn(usize) -> &'a Vec<u8>) -> Spent {
        let (begun, before) = (Instant::now(), self.server.spent());
        let (connections, request) = (self.connections.iter_mut().enumerate(), &request);
        join_all(connections.map(async |(first, connection)| {
            for index in (first..requests).step_by(CONNECTIONS) {
                connection.ask(request(index)).await;
            }
        }))
        .await;
        Spent { requests, processor: self.server.spent() - before, time: begun.elapsed() }
    }
}

/// resource-service's public API and one handler more, in another process: this program, called with [`SERVE`].
struct Server {
    process: Process,
    port: u16,
    _directory: TempDir,
}

impl Server {
    fn start(issuer: &Issuer) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the server");
        let keys = directory.path().join("keys.json");
        fs::write(&keys, issuer.key_set().to_string()).expect("our own directory");
        let port = sockets::fresh_port();
        let mut command = Command::new(env::current_exe().expect("this program has a path"));
        command.arg(SERVE).current_dir(directory.path()).env("RESOURCE_LISTEN", format!("127.0.0.1:{port}"));
        command.env("RESOURCE_ISSUER", ISSUER).env("RESOURCE_JWKS_FILE", keys);
        let process = Process::start("the server", command, &directory.path().join("log"), "KILL");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { process, port, _directory: directory }
    }

    fn spent(&self) -> Duration {
        cpu::of_process(self.process.id())
    }
}

/// Serves until it is killed.
pub(crate) async fn serve() -> ExitCode {
    let flags = command().get_matches_from(["resource-service"]);
    let config = Config::gather(&flags, env::vars()).expect("our own settings");
    let address = config.listen;
    let parts = assemble(config).await.expect("our own keys and file");
    let app = move || public_app(parts.clone()).route("/unchecked", web::get().to(unchecked));
    let server = HttpServer::new(app).bind(address).expect("a free port");
    server.run().await.expect("it serves until it is killed");
    ExitCode::SUCCESS
}

/// What `GET /whoami` answers, to anybody.
async fn unchecked() -> HttpResponse {
    let id = "01a21837-a856-72df-b515-42e704caeb83";
    HttpResponse::Ok().json(json!({
        "sub": id, "sid": id, "client_id": "jeton", "roles": ["author"], "scope": "books:read books:write",
        "custom": {}, "exp": 1_795_219_200,
    }))
}
