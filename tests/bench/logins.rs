//! Logins against the raw rate of Argon2id, and what they do to refreshes.

use crate::{
    connection::Connection,
    crowd::{Crowd, login_of},
    outcomes::Outcomes,
    raw,
    report::{Goal, Report},
};
use futures_util::future::join_all;
use harness::{Person, Stack, Storage};
use std::{
    cell::Cell,
    num::NonZero,
    thread::available_parallelism,
    time::{Duration, Instant},
};

/// Logins under way for each thread that hashes.
const UNDER_WAY: usize = 4;
const LOGINS: usize = 25;
const ROUNDS: usize = 3;

/// Refreshing clients, how often each refreshes, and how many times.
const CLIENTS: usize = 4;
const PACE: Duration = Duration::from_millis(40);
const TIMES: u32 = 250;

pub(crate) async fn measure(report: &mut Report) {
    let threads = available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1);
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let port = stack.auth.port();
    let (mut raw, mut ours) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        raw += raw::hashes_per_second(threads, UNDER_WAY * LOGINS) / ROUNDS as f64;
        let is_over = Cell::new(false);
        let begun = Instant::now();
        let done: usize =
            join_all((0..threads * UNDER_WAY).map(|_| log_in(&ada, port, LOGINS, &is_over))).await.iter().sum();
        ours += done as f64 / begun.elapsed().as_secs_f64() / ROUNDS as f64;
    }
    report.detail(&format!("{threads} thread(s): raw {raw:.1} hashes/s, {ours:.1} logins/s"));
    report.row("logins/s ÷ raw Argon2id of the pool", ours / raw, "", Goal::AtLeast(0.90));

    let mut crowd = Crowd::of(&bob, port, CLIENTS).await;
    let counted = Outcomes::of(&stack.auth).await;
    let at_rest = p99(&crowd.refresh_every(PACE, TIMES).await);
    let is_over = Cell::new(false);
    let flood = join_all((0..threads * UNDER_WAY).map(|_| log_in(&ada, port, usize::MAX, &is_over)));
    let refreshes = async {
        let took = crowd.refresh_every(PACE, TIMES).await;
        is_over.set(true);
        p99(&took)
    };
    let (_, flooded) = tokio::join!(flood, refreshes);
    counted.assert_since(&stack.auth, "rotated", 2 * CLIENTS * TIMES as usize).await;
    report.detail(&format!("p99 of a rotation: {at_rest:.1?} at rest, {flooded:.1?} while logins saturate the pool"));
    let ratio = flooded.as_secs_f64() / at_rest.as_secs_f64();
    report.row("rotation p99 while logins saturate the pool ÷ at rest", ratio, "", Goal::AtMost(3.0));
}

/// Logs in this many times, or until it is over. Returns how often it did.
async fn log_in(person: &Person, port: u16, times: usize, is_over: &Cell<bool>) -> usize {
    let (request, mut connection) = (login_of(person), Connection::to(port).await);
    let mut done = 0;
    while done < times && !is_over.get() {
        connection.ask(&request).await;
        done += 1;
    }
    done
}

/// Of sorted times.
fn p99(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 99 / 100]
}
