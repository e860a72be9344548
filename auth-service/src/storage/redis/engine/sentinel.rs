//! Finds the master. All Sentinels are asked at once, so that one that hangs costs nothing; the redis crate's client
//! asks them one after the other.

use super::server::server;
use futures_util::future::select_ok;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, aio::MultiplexedConnection, cmd,
};

/// A connection to the server that some Sentinel calls the master and that calls itself one.
pub(in crate::storage) async fn master(
    sentinels: &[Client],
    name: &str,
    info: &ConnectionInfo,
) -> RedisResult<MultiplexedConnection> {
    let asked = sentinels.iter().map(|sentinel| Box::pin(connect_by(sentinel, name, info)));
    select_ok(asked).await.map(|(connection, _)| connection)
}

async fn connect_by(sentinel: &Client, name: &str, info: &ConnectionInfo) -> RedisResult<MultiplexedConnection> {
    let mut asked = server(sentinel).await?;
    let address: Option<(String, u16)> =
        cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name).query_async(&mut asked).await?;
    let (host, port) = address.ok_or_else(|| refusal("a Sentinel does not know the master's name"))?;
    let master = Client::open(info.clone().set_addr(at(info.addr(), host, port)))?;
    let mut connection = server(&master).await?;
    let role: Vec<redis::Value> = cmd("ROLE").query_async(&mut connection).await?;
    let role: String = role.into_iter().next().map(redis::from_redis_value).transpose()?.unwrap_or_default();
    if role == "master" { Ok(connection) } else { Err(refusal("the server that a Sentinel named is not a master")) }
}

/// An address, with TLS if the URL asks for it.
fn at(pattern: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match pattern.clone() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    }
}

fn refusal(why: &'static str) -> RedisError {
    RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, why))
}
