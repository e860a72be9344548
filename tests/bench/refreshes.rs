//! What a refresh costs auth-service besides the one signature that it must make.

use crate::{
    cpu::{self, micros},
    crowd::Crowd,
    raw,
    report::{Goal, Report},
};
use harness::{Stack, Storage};
use std::time::Duration;

const SESSIONS: usize = 16;
const TIMES: usize = 50;
const ROUNDS: usize = 5;
const SIGNATURES: usize = 500;

pub(crate) async fn measure(report: &mut Report) {
    for (storage, name) in [(Storage::RedisAndPostgres, "Redis and PostgreSQL"), (Storage::Embedded, "embedded")] {
        let stack = Stack::on(storage).unlimited().start_auth().await;
        let ada = stack.ada().await;
        let mut crowd = Crowd::of(&ada, stack.auth.port(), SESSIONS).await;
        crowd.refresh(TIMES / 5).await;
        let (mut signature, mut refresh, mut took) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            signature += raw::signature(SIGNATURES);
            let before = cpu::of_process(stack.auth.process_id());
            took += crowd.refresh(TIMES).await;
            refresh += cpu::each(cpu::of_process(stack.auth.process_id()) - before, crowd.refreshes(TIMES));
        }
        let (signature, refresh) = (cpu::each(signature, ROUNDS), cpu::each(refresh, ROUNDS));
        let rate = (crowd.refreshes(TIMES) * ROUNDS) as f64 / took.as_secs_f64();
        let (raw, spent) = (micros(signature), micros(refresh));
        report.detail(&format!("{name}: raw signature {raw:.0} µs, refresh {spent:.0} µs, {rate:.0} refreshes/s"));
        let ratio = signature.as_secs_f64() / refresh.as_secs_f64();
        report.row(&format!("refresh, {name}: one raw signature ÷ processor time"), ratio, "", Goal::AtLeast(0.80));
    }
}
