//! A real Redis on loopback, which saves only when told to: what it is killed with is lost. Alone, behind Sentinel, or a
//! Cluster.

mod cluster;
mod sentinel;

pub use self::{cluster::Cluster, sentinel::Sentinel};

use crate::{process::Process, sockets, warden};
use ::redis::{Client, Commands as _, RedisResult, cmd};
use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis server of one test.
#[derive(Debug)]
pub struct Redis {
    directory: TempDir,
    port: u16,
    process: Option<Process>,
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
        let mut redis = Self { directory: warden::new_directory("redis"), port: 0, process: None };
        for _ in 0..5 {
            redis.port = sockets::fresh_port();
            if redis.try_start().is_ok() {
                return redis;
            }
        }
        panic!("redis-server does not start\n{}", redis.process.map(|process| process.tail()).unwrap_or_default());
    }

    /// `redis://…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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
        assert_eq!(self.command(&format!("CONFIG SET {name} {value}")), "+OK");
    }

    /// Writes everything to disk, for the next start, and returns what was written.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn save(&self) -> Vec<u8> {
        assert_eq!(self.command("SAVE"), "+OK");
        std::fs::read(self.directory.path().join("dump.rdb")).expect("SAVE has written it")
    }

    /// How many tokens each session has had, as the server knows it.
    #[must_use]
    pub fn generations(&self) -> BTreeMap<String, u64> {
        generations_at(self.port)
    }

    /// Lets nobody have an answer for so long.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn stall(&self, time: Duration) {
        let mut pause = cmd("CLIENT");
        pause.arg("PAUSE").arg(time.as_millis().to_string()).arg("ALL");
        let paused = Client::open(self.url()).and_then(|client| pause.exec(&mut client.get_connection()?));
        paused.expect("Redis obeys");
    }

    /// Ends the server at once, with all it held.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Freezes the server: connections stay open and nothing is answered.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn pause(&self) {
        self.process().signal(libc::SIGSTOP);
    }

    /// Takes [`Redis::pause`] back.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn resume(&self) {
        self.process().signal(libc::SIGCONT);
    }

    /// Starts the server again where it was, with what was last saved: nothing, if [`Redis::save`] was not called.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.try_start().expect("Redis finds the port free that it had before");
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("Redis was started")
    }

    fn try_start(&mut self) -> io::Result<()> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--rdbcompression", "no"]);
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.directory.path());
        let process = Process::start("redis", command, &self.directory.path().join("log"), "KILL");
        let process = self.process.insert(process);
        let until = Instant::now() + PATIENCE;
        while ask(self.port, "PING").ok().as_deref() != Some("+PONG") {
            if process.ended().is_some() || Instant::now() > until {
                return Err(io::Error::other("it does not answer"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn command(&self, command: &str) -> String {
        ask(self.port, command).expect("Redis answers")
    }
}

/// How many tokens each session has had, by the session's id; empty when the server does not answer.
fn generations_at(port: u16) -> BTreeMap<String, u64> {
    let read = || -> RedisResult<BTreeMap<String, u64>> {
        let mut connection = Client::open(("127.0.0.1", port))?.get_connection()?;
        let keys: Vec<String> = connection.keys("jeton:*:session:*")?;
        let mut generations = BTreeMap::new();
        for key in keys {
            let text: Option<String> = connection.get(&key)?;
            let generation = text.and_then(|text| text.split(' ').next()?.parse().ok());
            let session = key.rsplit(':').next().unwrap_or_default().to_owned();
            generations.extend(generation.map(|generation| (session, generation)));
        }
        Ok(generations)
    };
    read().unwrap_or_default()
}

/// Sends an inline command whose answer is one line.
fn ask(port: u16, command: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
