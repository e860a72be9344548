//! `cargo xtask bench`: the services, built as for a release, then the measurements (`tests/bench`).

use crate::{
    commands::{binaries, cargo, run, step},
    tests::provide_servers,
};

/// Provides what is needed, builds everything with optimisations, and measures.
///
/// # Errors
/// One sentence: what is missing and how to get it (a line for each), or what failed. A missed goal is not an error.
pub(crate) fn run_all(topics: &[String]) -> Result<(), String> {
    provide_servers()?;
    let build = || run(&mut cargo(&["build", "--release", "-p", "auth-service", "-p", "resource-service"]));
    step("build the services", build)?;
    step("build the measurements", || run(&mut cargo(&["bench", "-p", "e2e", "--bench", "goals", "--no-run"])))?;
    let mut bench = cargo(&["bench", "--quiet", "-p", "e2e", "--bench", "goals", "--"]);
    step("measure", || run(bench.args(topics).env("JETON_BIN_DIR", binaries("release")?)))
}
