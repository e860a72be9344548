//! `cargo xtask ci`: what must pass before anything lands.

use crate::{
    commands::{cargo, output, print_steps, run, step},
    compose, deny, interop, schemathesis,
    tests::{self, Faults},
};
use std::collections::BTreeSet;

/// What resource-service must do without, in any form: it verifies offline, with neither private keys nor stores of users.
const FORBIDDEN: [&str; 5] = ["auth-service", "redis", "sqlx-postgres", "argon2", "rsa"];

/// Runs everything, and stops at the first step that fails. How long each step took is printed at the end.
///
/// # Errors
/// One sentence.
pub(crate) fn run_all() -> Result<(), String> {
    let outcome = run_each();
    print_steps();
    outcome
}

/// Runs what needs no servers, for the daily loop: format, lints and unit tests.
///
/// # Errors
/// One sentence.
pub(crate) fn check() -> Result<(), String> {
    format_and_lint()?;
    step("unit tests", || run(&mut cargo(&["test", "--workspace", "--lib", "--quiet"])))
}

fn format_and_lint() -> Result<(), String> {
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("lints", || {
        lint(&["--workspace", "--all-targets", "--all-features"])?;
        // None of all targets: they run with an engine only.
        lint(&["--workspace", "--test", "compose"])
    })
}

fn run_each() -> Result<(), String> {
    format_and_lint()?;
    step("resource-service stays free of stores and private keys", dependency_rule)?;
    step("jeton-verifier can be published", publishable)?;
    step("licences, bans and sources of the dependencies", deny::check)?;
    step("advisories about the dependencies", deny::check_known_advisories)?;
    tests::run_all(Faults::Bounded, &[])?;
    interop::run_all()?;
    schemathesis::run()?;
    containers()
}

fn lint(targets: &[&str]) -> Result<(), String> {
    run(&mut cargo(&[&["clippy", "--quiet"], targets, &["--", "--deny", "warnings"]].concat()))
}

/// Only where a Docker engine answers.
fn containers() -> Result<(), String> {
    match compose::engine() {
        Ok(()) => compose::run_all(Faults::Bounded, &[]),
        Err(reason) => {
            println!("==> containers: NOT RUN: {reason}");
            Ok(())
        }
    }
}

/// Its documentation is whole, and the package builds by itself.
fn publishable() -> Result<(), String> {
    let verifier = ["--package", "jeton-verifier", "--quiet", "--all-features"];
    run(cargo(&["doc", "--no-deps"]).args(verifier).env("RUSTDOCFLAGS", "--deny warnings"))?;
    run(cargo(&["package", "--allow-dirty"]).args(verifier))
}

fn dependency_rule() -> Result<(), String> {
    // auth-service has all of them: a check that does not find them there is broken.
    let found = forbidden_among(&dependencies("auth-service")?);
    if found != FORBIDDEN {
        return Err(format!("the check itself is broken: in auth-service's tree it finds only {found:?}"));
    }
    match forbidden_among(&dependencies("resource-service")?).as_slice() {
        [] => Ok(()),
        found => Err(format!(
            "resource-service depends on {found:?}: `cargo tree -p resource-service -e normal -i {}` shows through what",
            found[0]
        )),
    }
}

fn forbidden_among(dependencies: &BTreeSet<String>) -> Vec<&'static str> {
    FORBIDDEN.into_iter().filter(|name| dependencies.contains(*name)).collect()
}

/// The names of a package and of all it is built from.
fn dependencies(package: &str) -> Result<BTreeSet<String>, String> {
    let tree = output(&mut cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none"]))?;
    Ok(tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}
