//! A master, a replica and a Sentinel on loopback.

use super::{generations_at, url_at};
use crate::{process::Process, sockets::fresh_port, warden};
use ::redis::{Client, Connection, RedisResult, cmd};
use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);
const NAME: &str = "jeton";

/// Dropping it ends all three.
#[derive(Debug)]
pub struct Sentinel {
    ports: [u16; 3],
    servers: Vec<Option<Process>>,
    _directory: TempDir,
}

impl Sentinel {
    /// Starts the three, and waits until the replica is in step.
    ///
    /// # Panics
    /// When they do not start; so do the other calls when a server does not obey.
    #[must_use]
    pub fn start() -> Self {
        let directory = warden::new_directory("sentinel");
        let ports = [fresh_port(), fresh_port(), fresh_port()];
        let [master, replica, sentinel] = ports;
        let start = |name: &str, arguments: &[&str]| {
            let mut command = Command::new("redis-server");
            command.args(arguments).current_dir(directory.path());
            Some(Process::start(name, command, &directory.path().join(format!("{name}.log")), "KILL"))
        };
        let plain = ["--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0", "--port"];
        let first = start("master", &[&plain[..], &[&master.to_string(), "--dbfilename", "a.rdb"]].concat());
        let source = ["--dbfilename", "b.rdb", "--replicaof", "127.0.0.1", &master.to_string()];
        let second = start("replica", &[&plain[..], &[&replica.to_string()], &source].concat());
        let settings = directory.path().join("sentinel.conf");
        fs::write(&settings, sentinel_settings(sentinel, master)).expect("our own directory");
        let third = start("sentinel", &[&settings.to_string_lossy(), "--sentinel"]);
        let started = Self { ports, servers: vec![first, second, third], _directory: directory };
        started.wait_until_in_step();
        started
    }

    /// `redis+sentinel://…`
    #[must_use]
    pub fn url(&self) -> String {
        // Nobody listens on the first port: one Sentinel that is down is normal.
        format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/{NAME}", self.ports[2])
    }

    /// Ends the master at once.
    pub fn kill_master(&mut self) {
        self.servers[0] = None;
    }

    /// Waits until the Sentinel calls the replica the master.
    pub fn wait_for_failover(&self) {
        wait_for("the replica takes over", || {
            let asked = cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(NAME).query(&mut self.connection(2)?);
            asked.map(|(_, port): (String, u16)| port == self.ports[1])
        });
    }

    /// Orders a failover with the old master alive, and waits until that is a replica: what it wrote meanwhile is lost.
    pub fn swap(&self) {
        let order = cmd("SENTINEL").arg("FAILOVER").arg(NAME).exec(&mut self.connection(2).expect("it runs"));
        order.expect("the Sentinel obeys");
        self.wait_for_failover();
        wait_for("the old master is a replica", || {
            let info: String = cmd("INFO").arg("replication").query(&mut self.connection(0)?)?;
            Ok(info.contains("role:slave"))
        });
    }

    /// Cuts the replica off: it will never get what is written to the master from now on.
    ///
    /// # Panics
    /// When a server does not run.
    pub fn part(&self) {
        self.replica().freeze();
        // Otherwise the replica would still read what the system has buffered for it.
        let cut = cmd("CLIENT").arg("KILL").arg("TYPE").arg("REPLICA").exec(&mut self.connection(0).expect("it runs"));
        cut.expect("the master cuts the replica off");
    }

    /// Ends the master at once, and lets the replica, which was cut off by [`Sentinel::part`], run again.
    ///
    /// # Panics
    /// When a server does not run.
    pub fn kill_master_and_thaw(&mut self) {
        self.kill_master();
        self.replica().signal(libc::SIGCONT);
    }

    /// How many tokens each session has had, as the master knows it.
    ///
    /// # Panics
    /// When a server does not answer.
    #[must_use]
    pub fn generations(&self) -> BTreeMap<String, u64> {
        generations_at(&url_at(self.ports[0]))
    }

    /// How many tokens each session has had, as the replica knows it.
    ///
    /// # Panics
    /// When a server does not answer.
    #[must_use]
    pub fn generations_of_replica(&self) -> BTreeMap<String, u64> {
        generations_at(&url_at(self.ports[1]))
    }

    fn replica(&self) -> &Process {
        self.servers[1].as_ref().expect("it runs")
    }

    fn wait_until_in_step(&self) {
        wait_for("the replica is known and in step", || {
            let replicas: Vec<Vec<String>> =
                cmd("SENTINEL").arg("REPLICAS").arg(NAME).query(&mut self.connection(2)?)?;
            let info: String = cmd("INFO").arg("replication").query(&mut self.connection(1)?)?;
            let is_known = replicas.iter().flatten().any(|field| field == "master-link-status")
                && replicas.iter().flatten().any(|field| field == "ok");
            Ok(is_known && info.contains("master_link_status:up"))
        });
    }

    fn connection(&self, server: usize) -> RedisResult<Connection> {
        Client::open(("127.0.0.1", self.ports[server]))?.get_connection()
    }
}

fn sentinel_settings(port: u16, master: u16) -> String {
    format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {master} 1\n\
         sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 3000\n"
    )
}

fn wait_for(what: &str, is_so: impl Fn() -> RedisResult<bool>) {
    let until = Instant::now() + TIMEOUT;
    while !is_so().unwrap_or(false) {
        assert!(Instant::now() < until, "not within {TIMEOUT:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
