//! Parses Redis URLs.

use super::server::{CONNECT_NODE, RESPONSE};
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, cluster::ClusterClient, io::tcp::TcpSettings};
use shared::settings::known_parameters;

/// How Redis runs, and where.
pub(in crate::storage) enum Address {
    Server(Client),
    Cluster(ClusterClient),
    Sentinels {
        /// The Sentinels to ask for the master.
        sentinels: Vec<Client>,
        /// The master's name.
        master: String,
        /// How to connect to the master; host and port come from the Sentinels.
        info: ConnectionInfo,
    },
}

/// The parts of `scheme://user:password@a,b,c/path`.
struct Parts<'a> {
    credentials: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
}

const SENTINEL_PORT: u16 = 26379;
const UNREADABLE: &str = "it cannot be read: expected redis://user:password@host:port/database";

impl Address {
    pub(in crate::storage) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let is_one_server = matches!(scheme, "redis" | "rediss");
        known_parameters(url, if is_one_server { &["protocol"] } else { &[] })?;
        match scheme {
            "redis" | "rediss" => Ok(Self::Server(client(url)?)),
            "redis+cluster" => cluster("redis", &Parts::of(rest)?),
            "rediss+cluster" => cluster("rediss", &Parts::of(rest)?),
            "redis+sentinel" => sentinels("redis", &Parts::of(rest)?),
            "rediss+sentinel" => sentinels("rediss", &Parts::of(rest)?),
            _ => Err("the scheme is none of redis, rediss, redis+cluster, redis+sentinel".to_owned()),
        }
    }
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Result<Self, String> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
        let hosts: Vec<&str> = hosts.split(',').map(str::trim).collect();
        if hosts.iter().any(|host| host.is_empty()) {
            return Err("a host is missing in the list a,b,c".to_owned());
        }
        Ok(Self { credentials, hosts, path })
    }
}

/// The hosts of a URL, and nothing else of it.
pub(in crate::storage) fn hosts(url: &str) -> String {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    Parts::of(rest).map_or_else(|_| String::new(), |parts| parts.hosts.join(","))
}

fn cluster(scheme: &str, parts: &Parts) -> Result<Address, String> {
    if !parts.path.is_empty() {
        return Err("a cluster has no numbered databases: end the URL after the hosts".to_owned());
    }
    let node = |host: &&str| info(&format!("{scheme}://{}{host}", parts.credentials));
    let nodes: Vec<ConnectionInfo> = parts.hosts.iter().map(node).collect::<Result<_, _>>()?;
    ClusterClient::builder(nodes)
        .tcp_settings(without_delay())
        .connection_timeout(CONNECT_NODE)
        .response_timeout(RESPONSE)
        .overall_response_timeout(None)
        .retries(3)
        .min_retry_wait(5)
        .max_retry_wait(50)
        .build()
        .map(Address::Cluster)
        .map_err(|_| "the hosts of the cluster cannot be read".to_owned())
}

fn sentinels(scheme: &str, parts: &Parts) -> Result<Address, String> {
    let (master, database) = parts.path.split_once('/').unwrap_or((parts.path, "0"));
    if master.is_empty() {
        return Err("the name of the master is missing: redis+sentinel://a,b,c/master".to_owned());
    }
    let sentinel = |host: &&str| client(&format!("{scheme}://{}", with_port(host)));
    Ok(Address::Sentinels {
        sentinels: parts.hosts.iter().map(sentinel).collect::<Result<_, _>>()?,
        master: master.to_owned(),
        info: info(&format!("{scheme}://{}master/{database}", parts.credentials))?,
    })
}

fn with_port(host: &str) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    if has_port { host.to_owned() } else { format!("{host}:{SENTINEL_PORT}") }
}

fn client(url: &str) -> Result<Client, String> {
    Client::open(info(url)?).map_err(|_| UNREADABLE.to_owned())
}

fn info(url: &str) -> Result<ConnectionInfo, String> {
    let info = url.into_connection_info().map_err(|_| UNREADABLE.to_owned())?;
    Ok(info.set_tcp_settings(without_delay()))
}

/// Small commands must not wait for each other's acknowledgements.
fn without_delay() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
