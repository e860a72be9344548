//! The one connection that all calls of a runtime share, and how it is replaced.
//!
//! An outage is reported within a second: connecting and answering each have a bound. It ends at most [`COOLDOWN`] and
//! one attempt to connect after Redis is back. The redis crate's ConnectionManager waits longer between attempts and
//! does not support Sentinel.

use super::{
    address::Address,
    connection::{Connection, timed_out},
    faults::{Refusals, told},
    script::Call,
    server::RESPONSE,
};
use crate::{
    domain::Unavailable,
    storage::{PATIENCE, redis::unavailable},
};
use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::timeout};

/// Time between two attempts to connect. Meanwhile calls fail at once, so that a server that accepts connections but
/// cannot serve (it still loads its data, or is a replica) is not flooded with them.
const COOLDOWN: Duration = Duration::from_millis(50);

/// Connects when it is first needed.
pub(in crate::storage) struct Link {
    address: Arc<Address>,
    refusals: Arc<Refusals>,
    current: Mutex<Current>,
}

/// The first caller without a connection opens one while the others wait.
#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// The connection's number, so that only a connection that has failed is dropped.
    number: u64,
    last_attempt: Option<Instant>,
    last_failure: Option<RedisError>,
}

impl Link {
    pub(in crate::storage) fn to(address: Arc<Address>, refusals: Arc<Refusals>) -> Self {
        Self { address, refusals, current: Mutex::default() }
    }

    /// Sends a call; if the connection is broken, once more on another.
    pub(in crate::storage) async fn ask<T: FromRedisValue>(&self, call: &Call) -> Result<T, Unavailable> {
        match timeout(PATIENCE, self.twice_if_broken(call)).await {
            Ok(answer) => answer.map_err(|error| {
                self.refusals.hear(&error);
                unavailable(told(&error))
            }),
            Err(_) => Err(unavailable("no answer in time")),
        }
    }

    /// Not again after a time-out, which has used up the time.
    async fn twice_if_broken<T: FromRedisValue>(&self, call: &Call) -> RedisResult<T> {
        match self.once(call).await {
            Err(error) if is_suspect(&error) && !error.is_timeout() => self.once(call).await,
            answer => answer,
        }
    }

    async fn once<T: FromRedisValue>(&self, call: &Call) -> RedisResult<T> {
        let (mut connection, number) = self.connection().await?;
        let answer = timeout(RESPONSE, call.ask(&mut connection)).await.unwrap_or_else(|_| Err(timed_out()));
        if let Err(error) = &answer
            && is_suspect(error)
        {
            self.discard(number, error).await;
        }
        answer
    }

    async fn connection(&self) -> RedisResult<(Connection, u64)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        let is_cooling = current.last_attempt.is_some_and(|attempt| attempt.elapsed() < COOLDOWN);
        if is_cooling && let Some(failure) = &current.last_failure {
            return Err(failure.clone());
        }
        let opened = Connection::open(&self.address).await;
        current.last_attempt = Some(Instant::now());
        current.last_failure = opened.as_ref().err().cloned();
        let connection = opened?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    async fn discard(&self, number: u64, failure: &RedisError) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
            current.last_failure = matches!(failure.kind(), ErrorKind::Server(_)).then(|| failure.clone());
        }
    }
}

/// Whether a new connection may do better: after anything but an answer from a server that is in charge.
fn is_suspect(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::Moved
        ),
        ErrorKind::Extension => false,
        _ => true,
    }
}
