//! What a newcomer and CI run: `cargo xtask up`, `demo`, `test`, `bench`, `interop`, `schemathesis`, `deny`, `check`, `ci`.

mod addresses;
mod bench;
mod ci;
mod commands;
mod compose;
mod counted;
mod demo;
mod deny;
mod interop;
mod needed;
mod openapi;
mod python;
mod schemathesis;
mod services;
mod tests;
mod up;

use addresses::Ports;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tests::Faults;

/// Runs, shows and checks Jeton.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build and start both services with everything embedded, until Ctrl-C
    ///
    /// Users, keys, sessions and books are kept in ./data. Settings in the environment (AUTH_…, RESOURCE_…) are
    /// followed; without any, auth-service is at http://localhost:8080 and resource-service at http://localhost:8081.
    /// The public URL, the issuer and the key URL follow from the ports.
    Up {
        /// Build with optimisations
        #[arg(long)]
        release: bool,
        #[command(flatten)]
        ports: Ports,
    },
    /// Walk the whole story, showing what is sent and what comes back, and what goes on without auth-service
    ///
    /// Register, log in, read, be refused an append, refresh, retry, have a theft detected, log out. In the middle,
    /// auth-service is stopped: reading goes on, also after a restart of resource-service alone. Starts a pair of
    /// services for that. Fails, and names the step, if anything is not as expected. Takes two replay windows (20 s by
    /// default).
    Demo(demo::Options),
    /// Run all tests, installing (Debian, as root) or naming what they need
    ///
    /// The tests start their own Redis and PostgreSQL servers and stop them again. Among them are the fault runs, which
    /// print what they counted.
    Test {
        /// Make the fault runs long: from two minutes to about an hour
        #[arg(long)]
        long: bool,
        /// Run the end-to-end tests and the fault runs against containers of docker-compose.yml; needs a Docker engine
        ///
        /// Builds the images first. Each test has containers of its own, which are removed again; stores in
        /// which it has changed nothing but data are emptied for the next one. What does not run in containers is named
        /// with its reason.
        #[arg(long)]
        compose: bool,
        /// Passed on to `cargo test --workspace`, or to the tests in containers (names, for example)
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Measure how fast it is, as ratios to the unavoidable work, on an otherwise idle machine
    ///
    /// About two minutes, once everything is built. Linux only. What the rows mean: docs/benchmarks.md.
    Bench {
        /// What to measure; everything, if nothing is named
        #[arg(value_parser = ["verifier", "reads", "refreshes", "logins", "sessions", "start"])]
        topics: Vec<String>,
    },
    /// Have Python, Node, Go and Java verify our tokens and mint bad ones, and a real browser log in, installing (Debian,
    /// as root) or naming what they need
    ///
    /// Libraries come from the package registries, pinned by their digests, and are kept under the target directory.
    Interop,
    /// Regenerate docs/openapi/*.json after a change of the HTTP contract
    Openapi,
    /// Attack both running services with what their OpenAPI documents allow and forbid; needs Python
    ///
    /// What is checked, and how hard, is in tests/schemathesis/.
    Schemathesis,
    /// Check licences, bans and sources of all dependencies against deny.toml
    ///
    /// cargo-deny does it, built for that if it is missing, and kept under the target directory.
    Deny {
        /// Check for known vulnerabilities as well; needs the network
        #[arg(long)]
        advisories: bool,
    },
    /// Format, lints and unit tests: the daily loop, under two minutes once it is built
    Check,
    /// Format, lints, the dependency rules, all tests, interop and schemathesis: what must pass before anything lands
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Up { release, ports } => block_on(up::run(release, ports)),
        Task::Demo(options) => demo::run(options),
        Task::Test { long, compose, arguments } => {
            let faults = if long { Faults::Long } else { Faults::Bounded };
            if compose { compose::run_all(faults, &arguments) } else { tests::run_all(faults, &arguments) }
        }
        Task::Bench { topics } => bench::run_all(&topics),
        Task::Interop => interop::run_all(),
        Task::Openapi => openapi::write(),
        Task::Schemathesis => schemathesis::run(),
        Task::Deny { advisories: false } => deny::check(),
        Task::Deny { advisories: true } => deny::check().and_then(|()| deny::check_advisories()),
        Task::Check => ci::check(),
        Task::Ci => ci::run_all(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn block_on(task: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no async runtime: {error}"))?.block_on(task)
}
