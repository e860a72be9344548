//! `cargo xtask demo`: the whole story, step by step, and what goes on without auth-service (`tests/demo`).

use crate::commands::{SERVICES, build, run_as};
use clap::Args;
use std::process::Command;

/// Where the services are.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// auth-service; without both, the usual ones if they run, or a pair that is started for it
    #[arg(long, value_name = "URL", requires = "resource")]
    auth: Option<String>,
    /// resource-service
    #[arg(long, value_name = "URL", requires = "auth")]
    resource: Option<String>,
    /// Start a pair for it, even where one runs
    #[arg(long, conflicts_with = "auth")]
    own: bool,
    /// The services' AUTH_REPLAY_WINDOW, in seconds: the theft is shown after waiting for it twice
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    replay_window: u64,
}

/// Builds what is needed, and becomes the program that tells the story. Returns only when that fails.
///
/// # Errors
/// One sentence.
pub(crate) fn run(options: Options) -> Result<(), String> {
    let theirs: Vec<String> = [options.auth, options.resource].into_iter().flatten().collect();
    let own = options.own.then(|| "own".to_owned());
    let services = if theirs.is_empty() { &SERVICES[..] } else { &[] };
    let binaries = build("debug", &[services, &["demo"]].concat())?;
    let mut demo = Command::new(binaries.join("demo"));
    demo.arg(options.replay_window.to_string()).args(theirs).args(own).env("JETON_BIN_DIR", &binaries);
    Err(run_as(demo))
}
