//! Tools that are written in Python, each in an environment of its own.

use crate::{
    commands::{binaries, output, run},
    needed::{Needed, provide},
};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

const PYTHON: Needed = Needed {
    what: "Python 3 with venv",
    debian: "python3-venv",
    elsewhere: "`brew install python` (macOS) or `dnf install python3` (Fedora)",
    is_there: || output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok(),
};

/// A virtual environment with exactly these pinned packages: where its programs are. It is made in the target directory,
/// anew for other packages or another Python.
///
/// # Errors
/// One sentence: what is missing and how to get it, or what failed.
pub(crate) fn virtual_environment(requirements: &Path) -> Result<PathBuf, String> {
    provide(&[PYTHON])?;
    let pinned = fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let version = output(Command::new("python3").arg("--version"))?;
    let mut digest = DefaultHasher::new();
    (pinned, version).hash(&mut digest);
    let directory = binaries("python")?.join(format!("{:016x}", digest.finish()));
    let (programs, complete) = (directory.join("bin"), directory.join("complete"));
    if complete.exists() {
        return Ok(programs);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    run(Command::new(programs.join("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements))?;
    // Written last: a download that was broken off is not taken for an environment.
    fs::write(&complete, "").map_err(|error| format!("{}: {error}", complete.display()))?;
    Ok(programs)
}
