//! One connection, to a server or to a Cluster.

use super::{address::Address, sentinel};
use redis::{
    AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::ClusterConnection,
};
use std::{io, time::Duration};
use tokio::time::timeout;

/// How long a connection may take to be ready, and then an answer to come. Both fit into the patience of a call.
pub(super) const CONNECT: Duration = Duration::from_millis(350);
pub(super) const RESPONSE: Duration = Duration::from_millis(400);

/// How long one node of a Cluster may take: one that stands still must leave time to hear from the others.
pub(super) const CONNECT_NODE: Duration = Duration::from_millis(150);

/// Clones share the sockets.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn open(address: &Address) -> RedisResult<Self> {
        let opened = timeout(CONNECT, async {
            match address {
                Address::Server(client) => server(client).await.map(Self::Server),
                Address::Cluster(client) => client.get_async_connection().await.map(Self::Cluster),
                Address::Sentinels { sentinels, master, info } => {
                    sentinel::master(sentinels, master, info).await.map(Self::Server)
                }
            }
        });
        opened.await.unwrap_or_else(|_| Err(timed_out()))
    }
}

pub(super) fn timed_out() -> RedisError {
    RedisError::from(io::Error::from(io::ErrorKind::TimedOut))
}

pub(super) async fn server(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPONSE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
