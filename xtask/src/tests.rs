//! `cargo xtask test`: what the tests need, then the tests.

use crate::{
    commands::{SERVICES, build, cargo, run, step},
    counted::run_and_count,
    needed::{Needed, is_in_one_of, path, provide},
};
use std::{fs, num::NonZero, thread};

/// The gateway and the proxy of the samples.
pub(crate) const NGINX: Needed = Needed {
    what: "nginx",
    debian: "nginx",
    elsewhere: "`brew install nginx` (macOS) or `dnf install nginx` (Fedora)",
    // On Debian, it is not in the PATH of ordinary users.
    is_there: || is_in_one_of(path().chain(["/usr/sbin".into()]), &["nginx"]),
};

/// A browser, and the program by which tests drive it.
pub(crate) const CHROMIUM: Needed = Needed {
    what: "Chromium and chromedriver",
    debian: "chromium-driver",
    elsewhere: "`brew install chromium chromedriver` (macOS) or `dnf install chromium chromedriver` (Fedora)",
    is_there: || is_in_one_of(path(), &["chromium", "chromedriver"]),
};

/// The servers that the tests start for themselves.
const NEEDED: [Needed; 8] = [
    Needed {
        what: "redis-server",
        debian: "redis-server",
        elsewhere: "`brew install redis` (macOS) or `dnf install redis` (Fedora)",
        is_there: || is_in_one_of(path(), &["redis-server"]),
    },
    Needed {
        what: "PostgreSQL (initdb, postgres, createdb, pg_dump, psql)",
        debian: "postgresql",
        elsewhere: "`brew install postgresql` (macOS) or `dnf install postgresql-server` (Fedora)",
        is_there: || {
            // On Debian, the server's programs are not in the PATH.
            let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let directories = debian.map(|version| version.path().join("bin")).chain(path());
            is_in_one_of(directories, &["initdb", "postgres", "createdb", "pg_dump", "psql"])
        },
    },
    Needed {
        what: "PgBouncer",
        debian: "pgbouncer",
        elsewhere: "`brew install pgbouncer` (macOS) or `dnf install pgbouncer` (Fedora)",
        is_there: || is_in_one_of(path().chain(["/usr/sbin".into()]), &["pgbouncer"]),
    },
    NGINX,
    CHROMIUM,
    Needed {
        what: "caddy",
        debian: "caddy",
        elsewhere: "`brew install caddy` (macOS) or `dnf install caddy` (Fedora)",
        is_there: || is_in_one_of(path(), &["caddy"]),
    },
    Needed {
        what: "openssl",
        debian: "openssl",
        elsewhere: "`brew install openssl` (macOS) or `dnf install openssl` (Fedora)",
        is_there: || is_in_one_of(path(), &["openssl"]),
    },
    Needed {
        what: "Prometheus (prometheus, promtool)",
        debian: "prometheus",
        elsewhere: "`brew install prometheus` (macOS) or `dnf install golang-github-prometheus` (Fedora)",
        is_there: || is_in_one_of(path(), &["prometheus", "promtool"]),
    },
];

/// How long the fault runs are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Faults {
    /// Two minutes in all.
    Bounded,
    /// About an hour.
    Long,
}

impl Faults {
    /// As the tests read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bounded => "bounded",
            Self::Long => "long",
        }
    }
}

/// Provides what is needed, builds the services, and runs all tests, the fault runs (`tests/faults`) among them.
///
/// # Errors
/// One sentence: what is missing and how to get it (a line for each), or what failed.
pub(crate) fn run_all(faults: Faults, arguments: &[String]) -> Result<(), String> {
    provide_servers()?;
    let binaries = step("build the services", || build("debug", &SERVICES))?;
    step("run all tests", || {
        let mut tests = cargo(&["test", "--workspace", "--all-features"]);
        tests.args(arguments).env("JETON_BIN_DIR", &binaries).env("JETON_FAULTS", faults.name());
        tests.env("RUST_TEST_THREADS", at_once().to_string());
        if arguments.is_empty() { run(&mut tests) } else { at_least_one(run_and_count(&mut tests)?) }
    })
}

/// How many tests run at the same time: two for each processor, because those with stacks wait as much as they work.
fn at_once() -> usize {
    2 * thread::available_parallelism().map_or(1, NonZero::get)
}

/// Names that are misspelt must not look like tests that pass.
///
/// # Errors
/// When tests were looked for, and none was found.
pub(crate) fn at_least_one(ran: Option<usize>) -> Result<(), String> {
    match ran {
        Some(0) => Err("no test ran: none has that name, or all were filtered out".to_owned()),
        _ => Ok(()),
    }
}

/// Installs or names the servers and programs that the tests need.
///
/// # Errors
/// A line for each that is missing.
pub(crate) fn provide_servers() -> Result<(), String> {
    provide(&NEEDED)
}
