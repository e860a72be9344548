//! How fast the services are, as ratios to the unavoidable work, measured in one run: `cargo xtask bench`. What each
//! row means and what was measured is in `docs/benchmarks.md`.

mod connection;
mod cpu;
mod crowd;
mod feed;
mod logins;
mod outcomes;
mod raw;
mod reads;
mod refreshes;
mod report;
mod sessions;
mod start;
mod verifier;

use report::Report;
use std::{env, process::ExitCode};

/// The topics that can be asked for by name.
const TOPICS: [&str; 7] = ["verifier", "reads", "refreshes", "logins", "sessions", "start", "feed"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // cargo adds `--bench`.
    let asked: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if asked == [reads::SERVE] {
        return reads::serve().await;
    }
    if let Some(unknown) = asked.iter().find(|word| !TOPICS.contains(&word.as_str())) {
        eprintln!("error: there is no topic {unknown:?}: name some of {}, or none for all", TOPICS.join(", "));
        return ExitCode::FAILURE;
    }
    let is_asked = |topic: &str| asked.is_empty() || asked.iter().any(|word| word == topic);
    let mut report = Report::default();
    if is_asked("verifier") {
        verifier::measure(&mut report);
    }
    if is_asked("reads") {
        reads::measure(&mut report).await;
    }
    if is_asked("refreshes") {
        refreshes::measure(&mut report).await;
    }
    if is_asked("logins") {
        logins::measure(&mut report).await;
    }
    if is_asked("sessions") {
        sessions::measure(&mut report).await;
    }
    if is_asked("start") {
        start::measure(&mut report).await;
    }
    if is_asked("feed") {
        feed::measure(&mut report).await;
    }
    report.conclude();
    ExitCode::SUCCESS
}
