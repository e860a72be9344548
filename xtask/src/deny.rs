//! `cargo xtask deny`: whether `deny.toml` allows every dependency. cargo-deny checks it; it is built once and kept in
//! the target directory.

use crate::commands::{binaries, cargo, output, run, step, workspace};
use std::{
    env,
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The cargo-deny that is built, or taken from the PATH.
const VERSION: &str = "0.20.2";

/// How `deny.toml` is changed so that the tree breaks it, once for each check: a text, and what replaces it.
const BREACHES: [(&str, &str); 3] = [
    ("\ndeny = [", "\ndeny = [{ crate = \"tokio\", reason = \"planted\" },"),
    ("\"MIT\",", ""),
    ("[sources]", "[sources]\nallow-registry = []"),
];

/// The exit status when all three are found: a bit each for bans, licences and sources.
const ALL_FOUND: i32 = 2 | 4 | 8;

/// Checks licences, bans and sources; needs the network only for what cargo has not fetched yet.
///
/// # Errors
/// One sentence; what is not allowed has been printed.
pub(crate) fn check() -> Result<(), String> {
    let program = provided()?;
    run(cargo_deny(&program).args(["check", "licenses", "bans", "sources"]))?;
    breaches_are_found(&program)
}

/// Asks for advisories about all dependencies; needs the network.
///
/// # Errors
/// One sentence; what was found has been printed.
pub(crate) fn check_advisories() -> Result<(), String> {
    run(cargo_deny(&provided()?).args(["check", "advisories"]))
}

/// Asks for advisories if their database has been fetched before, and says so if not.
///
/// # Errors
/// One sentence; what was found has been printed.
pub(crate) fn check_known_advisories() -> Result<(), String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    // A fetch that failed leaves a lock file.
    let is_database = |entry: io::Result<DirEntry>| entry.is_ok_and(|entry| entry.path().is_dir());
    let is_there = fs::read_dir(home.join("advisory-dbs")).is_ok_and(|mut entries| entries.any(is_database));
    if !is_there {
        println!("    NOT RUN: there is no database of advisories; `cargo xtask deny --advisories` fetches it");
        return Ok(());
    }
    run(cargo_deny(&provided()?).args(["--offline", "check", "advisories"]))
}

/// A check that never finds anything would pass as well.
fn breaches_are_found(program: &Path) -> Result<(), String> {
    let policy = fs::read_to_string(workspace().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let broken = BREACHES.iter().fold(policy, |policy, (there, instead)| policy.replacen(there, instead, 1));
    let tools = binaries("tools")?;
    let file = tools.join("broken-deny.toml");
    fs::create_dir_all(&tools)
        .and_then(|()| fs::write(&file, broken))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let mut check = cargo_deny(program);
    check.arg("--config").arg(&file).args(["check", "licenses", "bans", "sources"]);
    let status = check.stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status.map_err(|error| format!("cargo-deny: {error}"))? {
        status if status.code() == Some(ALL_FOUND) => Ok(()),
        status => Err(format!(
            "the check itself is broken: with a dependency banned, a licence and the source taken out of deny.toml, \
             cargo-deny ends with {status}, not with {ALL_FOUND}"
        )),
    }
}

fn cargo_deny(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--locked").current_dir(workspace());
    command
}

/// Where cargo-deny is; it is built first if it is not there in this version.
fn provided() -> Result<PathBuf, String> {
    let tools = binaries("tools")?;
    let own = tools.join("bin/cargo-deny");
    let version = format!("cargo-deny {VERSION}");
    let is_right = |program: &PathBuf| {
        output(Command::new(program).arg("--version")).is_ok_and(|printed| printed.trim() == version)
    };
    if let Some(program) = [own.clone(), "cargo-deny".into()].into_iter().find(is_right) {
        return Ok(program);
    }
    step(&format!("build {version}"), || {
        let mut install = cargo(&["install", "cargo-deny", "--version", VERSION, "--locked", "--force", "--root"]);
        // Unoptimised, it is built in a minute or two, and checks in three seconds. Among our own crates it would only
        // be in the way: without a target directory cargo takes a temporary one.
        install.arg(&tools).arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("CARGO_TARGET_DIR");
        run(&mut install)
    })?;
    Ok(own)
}
