//! A real Redis on loopback, which saves only on request: a kill loses the rest. Alone, behind Sentinel, or a Cluster.

mod cluster;
mod sentinel;

pub use self::{cluster::Cluster, sentinel::Sentinel};

use crate::{
    containers::{Project, RedisContainer},
    process::Process,
    sockets, warden,
};
use ::redis::{Client, Commands as _, RedisResult, cmd};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(10);

/// In the server's own directory.
const LOG: &str = "log";

/// A Redis server of one test.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    server: Server,
}

#[derive(Debug)]
enum Server {
    Local { directory: TempDir, process: Option<Process> },
    Container(RedisContainer),
}

impl Redis {
    /// Starts an empty server.
    ///
    /// # Panics
    /// When redis-server is not installed, with the way to get it.
    #[must_use]
    pub fn start() -> Self {
        let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(
            installed.is_ok(),
            "redis-server is missing: `apt-get install redis-server` (Debian), `brew install redis` (macOS)"
        );
        let directory = warden::new_directory("redis");
        for _ in 0..5 {
            let port = sockets::fresh_port();
            if let Ok(process) = start(port, directory.path()) {
                return Self { port, server: Server::Local { directory, process: Some(process) } };
            }
        }
        let log = fs::read_to_string(directory.path().join(LOG)).unwrap_or_default();
        panic!("redis-server does not start\n{log}");
    }

    /// The Redis of a project, which starts with the services that need it.
    pub(crate) fn of(project: &Arc<Project>) -> Self {
        Self { port: project.redis_port(), server: Server::Container(RedisContainer::of(project)) }
    }

    /// `redis://…`, with the password if it needs one.
    #[must_use]
    pub fn url(&self) -> String {
        let credentials = self.password().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{credentials}127.0.0.1:{}", self.port)
    }

    /// A Redis of a project needs one.
    fn password(&self) -> Option<&str> {
        match &self.server {
            Server::Local { .. } => None,
            Server::Container(container) => Some(container.password()),
        }
    }

    /// Forgets everything.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn flush(&self) {
        assert_eq!(self.command("FLUSHALL"), "+OK");
    }

    /// Changes a setting of the server, until it is restarted.
    ///
    /// # Panics
    /// When the server does not run, or has no such setting.
    pub fn configure(&self, name: &str, value: &str) {
        self.disturb();
        assert_eq!(self.command(&format!("CONFIG SET {name} {value}")), "+OK");
    }

    /// Gives an order that is answered with OK.
    ///
    /// # Panics
    /// When it is not.
    pub fn order(&self, command: &str) {
        self.disturb();
        assert_eq!(self.command(command), "+OK");
    }

    /// Writes everything to disk, for [`Redis::restart`], and returns what was written.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn save(&mut self) -> Vec<u8> {
        self.disturb();
        assert_eq!(self.command("SAVE"), "+OK");
        match &mut self.server {
            Server::Local { directory, .. } => {
                fs::read(directory.path().join("dump.rdb")).expect("SAVE has written it")
            }
            Server::Container(container) => container.keep(),
        }
    }

    /// How many tokens each session has had, as the server knows it.
    ///
    /// # Panics
    /// When a server does not answer.
    #[must_use]
    pub fn generations(&self) -> BTreeMap<String, u64> {
        generations_at(&self.url())
    }

    /// Answers nobody for this long.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn stall(&self, time: Duration) {
        self.disturb();
        let mut pause = cmd("CLIENT");
        pause.arg("PAUSE").arg(time.as_millis().to_string()).arg("ALL");
        let paused = Client::open(self.url()).and_then(|client| pause.exec(&mut client.get_connection()?));
        paused.expect("Redis obeys");
    }

    /// Ends the server at once, with all it held.
    pub fn kill(&mut self) {
        self.disturb();
        match &mut self.server {
            Server::Local { process, .. } => *process = None,
            Server::Container(container) => container.kill(),
        }
    }

    /// Freezes the server: connections stay open and nothing is answered.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn pause(&self) {
        self.disturb();
        match &self.server {
            Server::Local { process, .. } => running(process).freeze(),
            Server::Container(container) => container.pause(),
        }
    }

    /// Undoes [`Redis::pause`].
    ///
    /// # Panics
    /// When the server does not run.
    pub fn resume(&self) {
        match &self.server {
            Server::Local { process, .. } => running(process).signal(libc::SIGCONT),
            Server::Container(container) => container.resume(),
        }
    }

    /// Starts the server again where it was, with what was last saved: nothing, if [`Redis::save`] was not called.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        match &mut self.server {
            Server::Local { directory, process } => {
                let started = start(self.port, directory.path());
                *process = Some(started.expect("Redis finds its port still free"));
            }
            Server::Container(container) => {
                container.start_from_what_was_kept();
                wait_until_it_answers(self.port, container.password()).expect("Redis answers");
            }
        }
    }

    /// Starts the server of a project again, with everything that it had written when it ended.
    ///
    /// # Panics
    /// When it does not start, or is not that of a project: others write nothing by themselves.
    pub fn start_as_it_was(&mut self) {
        let Server::Container(container) = &self.server else { panic!("this Redis saves only on request") };
        container.start_as_it_was();
        wait_until_it_answers(self.port, container.password()).expect("Redis answers");
    }

    /// What is more than data is not taken back: no other stack gets this server.
    fn disturb(&self) {
        if let Server::Container(container) = &self.server {
            container.disturb();
        }
    }

    fn command(&self, command: &str) -> String {
        ask(self.port, self.password(), command).expect("Redis answers")
    }
}

fn running(process: &Option<Process>) -> &Process {
    process.as_ref().expect("Redis was started")
}

fn start(port: u16, directory: &Path) -> io::Result<Process> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--rdbcompression", "no"]);
    command.arg("--port").arg(port.to_string()).arg("--dir").arg(directory);
    let mut process = Process::start("redis", command, &directory.join(LOG), "KILL");
    wait_for_pong(port, None, || process.ended().is_some())?;
    Ok(process)
}

/// Waits until the server of a container has loaded its data and answers.
///
/// # Errors
/// When it does not.
pub(crate) fn wait_until_it_answers(port: u16, password: &str) -> io::Result<()> {
    wait_for_pong(port, Some(password), || false)
}

/// Only that answer will do: a server that is still loading its data, or asks for a password, obeys nobody.
fn wait_for_pong(port: u16, password: Option<&str>, mut has_ended: impl FnMut() -> bool) -> io::Result<()> {
    let until = Instant::now() + TIMEOUT;
    loop {
        let answer = ask(port, password, "PING");
        if answer.as_ref().is_ok_and(|answer| answer == "+PONG") {
            return Ok(());
        }
        if has_ended() || Instant::now() > until {
            return Err(io::Error::other(format!("it does not answer PING with PONG: {answer:?}")));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A server without a password.
fn url_at(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// How many tokens each session has had, by the session's id.
fn generations_at(url: &str) -> BTreeMap<String, u64> {
    let until = Instant::now() + TIMEOUT;
    loop {
        match try_generations_at(url) {
            Ok(generations) => return generations,
            Err(error) => assert!(Instant::now() < until, "Redis does not answer: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn try_generations_at(url: &str) -> RedisResult<BTreeMap<String, u64>> {
    let mut connection = Client::open(url)?.get_connection()?;
    let keys: Vec<String> = connection.keys("jeton:{*}")?;
    let mut generations = BTreeMap::new();
    for key in keys {
        let sessions: BTreeMap<Vec<u8>, Vec<u8>> = connection.hgetall(&key)?;
        for (session, value) in sessions {
            let session = Uuid::from_slice(&session).expect("a session's id").to_string();
            generations.insert(session, generation_in(&value));
        }
    }
    Ok(generations)
}

/// Seven bits a byte, after the expiry and the beginning of the record.
fn generation_in(value: &[u8]) -> u64 {
    let number = value.iter().skip(8 + 1 + 8 + 2).enumerate();
    let mut generation = 0;
    for (place, byte) in number.take(10) {
        generation |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    generation
}

/// Sends an inline command whose answer is one line.
///
/// # Errors
/// When there is no answer.
pub(crate) fn ask(port: u16, password: Option<&str>, command: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let entrance = password.map(|password| format!("AUTH {password}\r\n")).unwrap_or_default();
    stream.write_all(format!("{entrance}{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answers = String::new();
    stream.read_to_string(&mut answers)?;
    Ok(answers.lines().nth(usize::from(password.is_some())).unwrap_or_default().to_owned())
}
