//! A connection to one server, and how long it may take.

use redis::{AsyncConnectionConfig, Client, RedisResult, aio::MultiplexedConnection};
use std::time::Duration;

/// How long a connection may take to become ready, and then an answer to arrive. Both fit into the time for a call.
pub(in crate::storage) const CONNECT: Duration = Duration::from_millis(350);
pub(in crate::storage) const RESPONSE: Duration = Duration::from_millis(400);

/// How long one node of a Cluster may take: one that hangs must leave time for the others.
pub(in crate::storage) const CONNECT_NODE: Duration = Duration::from_millis(150);

pub(in crate::storage) async fn server(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPONSE));
    client.get_multiplexed_async_connection_with_config(&config).await
}
