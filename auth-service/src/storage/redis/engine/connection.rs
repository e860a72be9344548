//! One connection, to a server or to a Cluster.

use super::{
    address::Address,
    sentinel,
    server::{CONNECT, server},
};
use redis::{
    Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::ClusterConnection,
};
use std::io;
use tokio::time::timeout;

/// Clones share the sockets.
#[derive(Clone)]
pub(in crate::storage) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(in crate::storage) async fn open(address: &Address) -> RedisResult<Self> {
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

pub(in crate::storage) fn timed_out() -> RedisError {
    RedisError::from(io::Error::from(io::ErrorKind::TimedOut))
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
