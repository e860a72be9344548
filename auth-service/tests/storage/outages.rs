//! Stores that are killed, stall or fail over: every call is answered within a second meanwhile, and calls succeed
//! again within two seconds afterwards, without a restart of auth-service.

mod postgres;
mod redis;

use auth_service::{
    domain::{Unavailable, sessions::store::SessionStore},
    storage::{redis::RedisStores, sql::Sql},
};
use futures_util::future::join_all;
use harness::{eventually, lateness::Lateness};
use shared::clock::SystemClock;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);

/// More calls than there are connections.
const CROWD: usize = 40;

#[tokio::test]
async fn an_outage_is_reported_without_secrets() {
    let postgres = Sql::connect("postgres://ada:hunter2@127.0.0.1:1/jeton", Arc::new(SystemClock)).await;
    let redis = async |url| SessionStore::probe(&RedisStores::connect(url).unwrap()).await;
    let postgres = postgres.map(drop).unwrap_err().to_string();
    assert!(postgres.contains("PostgreSQL at 127.0.0.1:1: ") && postgres.contains("refused"), "{postgres}");
    assert!(!postgres.contains("hunter2"), "{postgres}");
    for outcome in [
        redis("redis://ada:hunter2@127.0.0.1:1").await,
        redis("rediss://ada:hunter2@127.0.0.1:1").await,
        redis("redis+cluster://ada:hunter2@127.0.0.1:1").await,
        redis("redis+sentinel://ada:hunter2@127.0.0.1:1/jeton").await,
    ] {
        let error = outcome.unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("unavailable: ") && error.contains("refused"), "{error}");
    }
}

/// Asks with a crowd, twice: each call must fail within a second.
async fn is_reported_in_time<T>(what: &str, ask: impl AsyncFn() -> Result<T, Unavailable>) {
    let slowest = Mutex::new(Duration::ZERO);
    let lateness = Lateness::from_now();
    let timed = async || {
        let asked = Instant::now();
        let outcome = ask().await;
        let mut slowest = slowest.lock().unwrap();
        *slowest = asked.elapsed().max(*slowest);
        assert!(outcome.is_err(), "{what}: there was an answer");
    };
    for _ in 0..2 {
        join_all((0..CROWD).map(|_| timed())).await;
    }
    let slowest = *slowest.lock().unwrap();
    println!("{what}: reported within {slowest:?}");
    assert!(slowest < SECOND + lateness.so_far(), "{what}: {slowest:?}");
}

/// Asks until a whole crowd is answered.
async fn is_over_in_time<T>(what: &str, ask: impl AsyncFn() -> Result<T, Unavailable>) {
    let back = Instant::now();
    let crowd = async || join_all((0..CROWD).map(|_| ask())).await.iter().all(Result::is_ok).then_some(());
    eventually(&format!("{what}: over"), 2 * SECOND, crowd).await;
    println!("{what}: over after {:?}", back.elapsed());
}

/// Asks on two workers like actix's, each a thread with its own runtime, then on the second alone.
fn on_two_workers<T>(ask: impl AsyncFn() -> Result<T, Unavailable>) {
    let worker = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (worker(), worker());
    let crowd = async || join_all((0..CROWD).map(|_| ask())).await.into_iter().all(|outcome| outcome.is_ok());
    assert!(first.block_on(crowd()));
    assert!(second.block_on(crowd()));
    assert!(first.block_on(crowd()));
    drop(first);
    assert!(second.block_on(crowd()), "the other worker broke connections");
}
