//! Waiting without fixed sleeps.

use crate::lateness::Lateness;
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Asks again and again until there is an answer, and returns it.
///
/// # Panics
/// When there is none within `patience`, plus the time for which the machine stalled meanwhile.
pub async fn eventually<T, F>(what: &str, patience: Duration, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let until = Instant::now() + patience;
    let lateness = Lateness::from_now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < until + lateness.so_far(), "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
