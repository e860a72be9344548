//! A Redis Cluster of three masters on loopback.

use super::{generations_at, url_at};
use crate::{process::Process, sockets::fresh_port, warden};
use ::redis::{Client, Connection, RedisResult, Value, cmd};
use std::{
    collections::BTreeMap,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Dropping it ends all nodes.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    /// Ends before its directory is removed.
    process: Option<Process>,
    port: u16,
    bus: u16,
    directory: TempDir,
}

impl Cluster {
    /// Starts it, and waits until all nodes know all slots.
    ///
    /// # Panics
    /// When it does not form; so do the other calls when a node does not obey.
    #[must_use]
    pub fn start() -> Self {
        let nodes: Vec<_> = SLOTS.iter().map(|_| Node::start()).collect();
        for (node, (first, last)) in nodes.iter().zip(SLOTS) {
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            let first = &nodes[0];
            node.command(&["CLUSTER", "MEET", "127.0.0.1", &first.port.to_string(), &first.bus.to_string()]);
        }
        let cluster = Self { nodes };
        cluster.wait_until_ok();
        cluster
    }

    /// `redis+cluster://…`
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Ends all nodes at once.
    pub fn kill(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.process = None);
    }

    /// Adds a replica of the first master, and waits until they are in step.
    pub fn add_replica(&mut self) {
        let (replica, master) = (Node::start(), &self.nodes[0]);
        replica.command(&["CLUSTER", "MEET", "127.0.0.1", &master.port.to_string(), &master.bus.to_string()]);
        let id = master.command(&["CLUSTER", "MYID"]);
        wait_for("they meet", || replica.command(&["CLUSTER", "NODES"]).contains(&id));
        wait_for("it is a replica", || replica.try_command(&["CLUSTER", "REPLICATE", &id]).is_ok());
        wait_for("it is in step", || replica.command(&["INFO", "replication"]).contains("master_link_status:up"));
        self.nodes.push(replica);
        self.wait_until_ok();
    }

    /// Kills the first master, and waits until the replica has taken over.
    pub fn fail_over(&mut self) {
        self.nodes.remove(0);
        self.wait_for_replica();
    }

    /// Freezes the first master, and waits until the replica has taken over.
    pub fn freeze_over(&mut self) -> impl Sized + use<> {
        self.processes().take(1).for_each(Process::freeze);
        let frozen = self.nodes.remove(0);
        self.wait_for_replica();
        frozen
    }

    fn wait_for_replica(&self) {
        let replica = self.nodes.last().expect("it was added");
        wait_for("the replica takes over", || replica.command(&["INFO", "replication"]).contains("role:master"));
        self.wait_until_ok();
    }

    /// Starts all nodes again, empty.
    pub fn restart(&mut self) {
        self.nodes.iter_mut().for_each(Node::run);
        self.wait_until_ok();
    }

    /// Forgets everything.
    ///
    /// # Panics
    /// When a master does not run.
    pub fn flush(&self) {
        // A replica refuses, and follows its master.
        let masters = self.nodes.iter().filter(|node| node.command(&["ROLE"]).contains("master"));
        masters.for_each(|node| drop(node.command(&["FLUSHALL"])));
    }

    /// How many sessions each node holds.
    ///
    /// # Panics
    /// When a server does not answer.
    #[must_use]
    pub fn sessions(&self) -> Vec<usize> {
        self.nodes.iter().map(|node| generations_at(&url_at(node.port)).len()).collect()
    }

    /// How many tokens each session has had, as the masters know it.
    ///
    /// # Panics
    /// When a server does not answer.
    #[must_use]
    pub fn generations(&self) -> BTreeMap<String, u64> {
        self.nodes.iter().flat_map(|node| generations_at(&url_at(node.port))).collect()
    }

    /// Freezes all nodes.
    ///
    /// # Panics
    /// When one does not run.
    pub fn pause(&self) {
        self.processes().for_each(Process::freeze);
    }

    /// Undoes [`Cluster::pause`].
    ///
    /// # Panics
    /// When a node does not run.
    pub fn resume(&self) {
        self.processes().for_each(|process| process.signal(libc::SIGCONT));
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.nodes.iter().map(|node| node.process.as_ref().expect("it runs"))
    }

    fn wait_until_ok(&self) {
        for node in &self.nodes {
            wait_for("the cluster forms", || node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        }
    }
}

impl Node {
    fn start() -> Self {
        let directory = warden::new_directory("cluster");
        let mut node = Self { process: None, port: fresh_port(), bus: fresh_port(), directory };
        node.run();
        node
    }

    fn run(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--cluster-enabled", "yes"]);
        command.args(["--cluster-node-timeout", "2000", "--cluster-allow-replica-migration", "no"]);
        command.arg("--port").arg(self.port.to_string()).arg("--cluster-port").arg(self.bus.to_string());
        command.arg("--dir").arg(self.directory.path());
        self.process = Some(Process::start("redis cluster", command, &self.directory.path().join("log"), "KILL"));
        wait_for("the node answers", || self.connection().is_ok());
    }

    fn connection(&self) -> RedisResult<Connection> {
        Client::open(("127.0.0.1", self.port))?.get_connection()
    }

    fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("the node obeys")
    }

    fn try_command(&self, words: &[&str]) -> RedisResult<String> {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        Ok(match command.query(&mut self.connection()?)? {
            Value::BulkString(text) => String::from_utf8_lossy(&text).into_owned(),
            Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
            other => format!("{other:?}"),
        })
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + TIMEOUT;
    while !is_so() {
        assert!(Instant::now() < until, "not within {TIMEOUT:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
