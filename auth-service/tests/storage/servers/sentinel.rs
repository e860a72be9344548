//! A master, a replica and a Sentinel on loopback.

use harness::{process::Process, sockets::fresh_port};
use redis::{Client, Connection, RedisResult, cmd};
use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const NAME: &str = "jeton";

pub struct Sentinel {
    ports: [u16; 3],
    servers: Vec<Option<Process>>,
    _directory: TempDir,
}

impl Sentinel {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
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
        fs::write(&settings, sentinel_settings(sentinel, master)).unwrap();
        let third = start("sentinel", &[&settings.to_string_lossy(), "--sentinel"]);
        let started = Self { ports, servers: vec![first, second, third], _directory: directory };
        started.wait_until_in_step();
        started
    }

    pub fn url(&self) -> String {
        // Nobody listens on the first port: one Sentinel that is down is normal.
        format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/{NAME}", self.ports[2])
    }

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

    /// Orders a failover with the old master alive, and waits until that is a replica: what it took meanwhile is lost.
    pub fn swap(&self) {
        cmd("SENTINEL").arg("FAILOVER").arg(NAME).exec(&mut self.connection(2).unwrap()).unwrap();
        self.wait_for_failover();
        wait_for("the old master is a replica", || {
            let info: String = cmd("INFO").arg("replication").query(&mut self.connection(0)?)?;
            Ok(info.contains("role:slave"))
        });
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
    let until = Instant::now() + PATIENCE;
    while !is_so().unwrap_or(false) {
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
