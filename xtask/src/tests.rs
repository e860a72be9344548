//! `cargo xtask test`: what the tests need, then the tests.

use crate::commands::{binaries, cargo, output, run, step};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A server that the tests start for themselves.
struct Needed {
    what: &'static str,
    debian: &'static str,
    elsewhere: &'static str,
    is_there: fn() -> bool,
}

const NEEDED: [Needed; 2] = [
    Needed {
        what: "redis-server",
        debian: "redis-server",
        elsewhere: "`brew install redis` (macOS) or `dnf install redis` (Fedora)",
        is_there: || is_in_one_of(path(), &["redis-server"]),
    },
    Needed {
        what: "PostgreSQL (initdb, postgres, createdb, pg_dump)",
        debian: "postgresql",
        elsewhere: "`brew install postgresql` (macOS) or `dnf install postgresql-server` (Fedora)",
        is_there: || {
            // Debian keeps the server's programs out of the PATH.
            let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let directories = debian.map(|version| version.path().join("bin")).chain(path());
            is_in_one_of(directories, &["initdb", "postgres", "createdb", "pg_dump"])
        },
    },
];

/// How long the fault runs are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Faults {
    /// Two minutes together.
    Bounded,
    /// About an hour.
    Long,
}

/// Provides what is needed, builds the services, and runs all tests, the fault runs (`tests/faults`) among them.
///
/// # Errors
/// One sentence: what is missing and how to get it (a line for each), or what failed.
pub(crate) fn run_all(faults: Faults, arguments: &[String]) -> Result<(), String> {
    provide()?;
    step("build the services", || run(&mut cargo(&["build", "-p", "auth-service", "-p", "resource-service"])))?;
    let binaries = binaries("debug")?;
    let faults = match faults {
        Faults::Bounded => "bounded",
        Faults::Long => "long",
    };
    step("run all tests", || {
        let mut tests = cargo(&["test", "--workspace"]);
        run(tests.args(arguments).env("JETON_BIN_DIR", &binaries).env("JETON_FAULTS", faults))
    })
}

fn provide() -> Result<(), String> {
    let missing = || NEEDED.iter().filter(|needed| !(needed.is_there)()).collect::<Vec<_>>();
    let packages: Vec<&str> = missing().iter().map(|needed| needed.debian).collect();
    if !packages.is_empty() && Path::new("/usr/bin/apt-get").exists() && is_root() {
        step(&format!("install {}", packages.join(" ")), || install(&packages))?;
    }
    let lines: Vec<String> = missing()
        .iter()
        .map(|needed| {
            format!("{} is missing: `apt-get install {}` (Debian), {}", needed.what, needed.debian, needed.elsewhere)
        })
        .collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

/// Debian starts a server right after it was installed, unless it takes the machine for one in single-user mode.
fn install(packages: &[&str]) -> Result<(), String> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        command
    };
    run(&mut apt(&["update", "--quiet"]))?;
    run(apt(&["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages))
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn is_in_one_of(mut directories: impl Iterator<Item = PathBuf>, programs: &[&str]) -> bool {
    directories.any(|directory| programs.iter().all(|program| directory.join(program).is_file()))
}
