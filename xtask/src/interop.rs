//! `cargo xtask interop`: what the clients in other languages need, then their conversations with the services
//! (`tests/interop`).

use crate::{
    commands::{SERVICES, build, output, run, step, workspace},
    needed::{Needed, is_in_one_of, path, provide},
    python::{PYTHON, virtual_environment},
    tests::{CHROMIUM, NGINX},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const NEEDED: [Needed; 8] = [
    PYTHON,
    Needed {
        what: "Node.js 18 or newer",
        debian: "nodejs",
        elsewhere: "`brew install node` (macOS) or `dnf install nodejs` (Fedora)",
        is_there: || {
            let check = "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)";
            output(Command::new("node").args(["-e", check])).is_ok()
        },
    },
    Needed {
        what: "npm",
        debian: "npm",
        elsewhere: "it comes with Node.js",
        is_there: || is_in_one_of(path(), &["npm"]),
    },
    Needed {
        what: "Go 1.19 or newer",
        debian: "golang-go",
        elsewhere: "`brew install go` (macOS) or `dnf install golang` (Fedora)",
        is_there: || output(Command::new("go").arg("version")).is_ok(),
    },
    Needed {
        what: "a JDK, 17 or newer",
        debian: "default-jdk-headless",
        elsewhere: "`brew install openjdk` (macOS) or `dnf install java-latest-openjdk-devel` (Fedora)",
        // macOS has both names without a JDK behind them.
        is_there: || ["java", "javac"].iter().all(|program| output(Command::new(program).arg("--version")).is_ok()),
    },
    CHROMIUM,
    Needed {
        what: "Firefox",
        debian: "firefox-esr",
        elsewhere: "`brew install --cask firefox` (macOS, its folder in PATH) or `dnf install firefox` (Fedora)",
        is_there: || ["firefox-esr", "firefox"].iter().any(|program| is_in_one_of(path(), &[program])),
    },
    NGINX,
];

/// Provides what is needed, builds both sides, and lets them talk.
///
/// # Errors
/// One sentence: what is missing and how to get it (a line for each), or what failed.
pub(crate) fn run_all() -> Result<(), String> {
    provide(&NEEDED)?;
    let programs = [&SERVICES[..], &["interop"]].concat();
    let binaries = step("build the services and the conversations", || build("debug", &programs))?;
    let prepared = binaries.parent().ok_or("xtask is not in a target directory")?.join("interop");
    let python = step("prepare Python", || virtual_environment(&sources("python").join("requirements.txt")))?;
    step("prepare Node", || node(&prepared.join("node")))?;
    step("prepare Go", || go(&prepared.join("go")))?;
    step("prepare Java", || java(&prepared.join("java")))?;
    step("interop", || {
        let mut interop = Command::new(binaries.join("interop"));
        interop.env("JETON_BIN_DIR", &binaries).env("JETON_INTEROP_DIR", &prepared);
        run(interop.env("JETON_INTEROP_PYTHON", python.join("python")))
    })
}

/// The scripts are copied, because Node looks for libraries beside them.
fn node(prepared: &Path) -> Result<(), String> {
    let sources = sources("node");
    let wanted = text(&sources.join("package-lock.json"))? + &output(Command::new("node").arg("--version"))?;
    unless_done(prepared, &wanted, || {
        copy_into(prepared, &sources)?;
        run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(prepared))
    })?;
    copy_into(prepared, &sources)
}

/// The standard library is enough: nothing is fetched.
fn go(prepared: &Path) -> Result<(), String> {
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(prepared.join("converse")).arg(".").current_dir(sources("go"));
    run(go.env("GOCACHE", prepared.join("cache")).env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("GOFLAGS", ""))
}

/// As for Go.
fn java(prepared: &Path) -> Result<(), String> {
    let files = ["Converse.java", "Json.java", "Revocations.java", "Verifier.java"];
    let files = files.map(|file| sources("java").join(file));
    run(Command::new("javac").args(["-Xlint:all", "-Werror", "-d"]).arg(prepared).args(files))
}

/// Makes a directory from scratch, unless it was completed from exactly this before.
fn unless_done(directory: &Path, wanted: &str, make: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let done = directory.join("made-from");
    if fs::read_to_string(&done).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    make()?;
    fs::write(&done, wanted).map_err(|error| format!("{}: {error}", done.display()))
}

fn copy_into(directory: &Path, sources: &Path) -> Result<(), String> {
    let copy = || {
        fs::create_dir_all(directory)?;
        for entry in fs::read_dir(sources)? {
            let entry = entry?;
            fs::copy(entry.path(), directory.join(entry.file_name()))?;
        }
        Ok(())
    };
    copy().map_err(|error: std::io::Error| format!("{} cannot be copied: {error}", sources.display()))
}

fn sources(language: &str) -> PathBuf {
    workspace().join("tests/interop").join(language)
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
