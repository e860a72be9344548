//! What refreshes cost besides the one signature that each must make: those that rotate the session's token, and those that are repeated
//! within the replay window, which write nothing.

use crate::{
    cpu::{self, micros},
    crowd::Crowd,
    outcomes::Outcomes,
    raw::{self, Signed},
    report::{Goal, Report},
};
use harness::{Stack, Storage};
use std::time::Duration;

/// How many sessions are refreshed at the same time, how often each, and the goal of what that costs beside the signature, in verifications.
const CROWDS: [(usize, usize, f64); 2] = [(1, 600, 8.0), (16, 50, 5.0)];
const ROUNDS: usize = 5;
const SIGNATURES: usize = 500;
const VERIFICATIONS: usize = 2_000;

/// What a refresh comes to, and the replay window with which it always does.
const KINDS: [(&str, &str, &str); 2] = [("rotation", "rotated", "0s"), ("replay", "replayed", "5m")];

/// The stores' processes.
const STORES: [&str; 2] = ["redis-server", "postgres"];

pub(crate) async fn measure(report: &mut Report) {
    for (storage, name) in [(Storage::RedisAndPostgres, "Redis and PostgreSQL"), (Storage::Embedded, "embedded")] {
        for (kind, outcome, window) in KINDS {
            let stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", window).start_auth().await;
            for (sessions, times, goal) in CROWDS {
                let spent = cost(&stack, outcome, sessions, times).await;
                let what = format!("{kind}, {name}, {sessions} at once");
                let Spent { service, stores, signature, verification, rate } = spent;
                let [total, of_stores, raw] = [service, stores, signature].map(micros);
                let of_stores = if storage == Storage::Embedded {
                    String::new()
                } else {
                    format!("; the stores {of_stores:.0} µs")
                };
                report.detail(&format!(
                    "{what}: {total:.0} µs, of which the signature {raw:.0} µs{of_stores}; {rate:.0}/s"
                ));
                let beside = (service.as_secs_f64() - signature.as_secs_f64()) / verification.as_secs_f64();
                if kind == "rotation" {
                    report.row(
                        &format!("{what}: (processor time − signature) ÷ verification"),
                        beside,
                        "",
                        Goal::AtMost(goal),
                    );
                } else {
                    report.detail(&format!("{what}: (processor time − signature) ÷ verification: {beside:.1}"));
                }
                if sessions > 1 {
                    let ratio = signature.as_secs_f64() / service.as_secs_f64();
                    report.row(&format!("{what}: signature ÷ processor time"), ratio, "", Goal::AtLeast(0.80));
                }
            }
        }
    }
}

/// Averages of one refresh.
struct Spent {
    /// Processor time of auth-service.
    service: Duration,
    /// Processor time of the stores that are processes of their own.
    stores: Duration,
    /// Processor time of one signature alone.
    signature: Duration,
    /// Processor time of one verification alone.
    verification: Duration,
    /// How many there were each second.
    rate: f64,
}

async fn cost(stack: &Stack, outcome: &str, sessions: usize, times: usize) -> Spent {
    let ada = stack.ada().await;
    let key = stack.auth.key_set().await["keys"][0].clone();
    let signed = Signed::of(&vec![ada.tokens.access.clone(); VERIFICATIONS], &key);
    let mut crowd = Crowd::of(&ada, stack.auth.port(), sessions).await;
    // A session's first refresh always rotates.
    crowd.refresh(1).await;
    crowd.refresh(times / 5).await;
    let (mut service, mut stores, mut signature, mut verification) = Default::default();
    let mut took = Duration::ZERO;
    for _ in 0..ROUNDS {
        signature += raw::signature(SIGNATURES);
        verification += signed.verification();
        let counted = Outcomes::of(&stack.auth).await;
        let before = (cpu::of_process(stack.auth.process_id()), cpu::of_children(&STORES));
        took += crowd.refresh(times).await;
        service += cpu::of_process(stack.auth.process_id()) - before.0;
        stores += cpu::of_children(&STORES) - before.1;
        counted.assert_since(&stack.auth, outcome, crowd.refreshes(times)).await;
    }
    let refreshes = crowd.refreshes(times) * ROUNDS;
    Spent {
        service: cpu::each(service, refreshes),
        stores: cpu::each(stores, refreshes),
        signature: cpu::each(signature, ROUNDS),
        verification: cpu::each(verification, ROUNDS),
        rate: refreshes as f64 / took.as_secs_f64(),
    }
}
