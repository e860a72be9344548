//! Tools and libraries in Python, each list of them in its own environment.

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

/// The oldest version that the pinned libraries allow.
pub(crate) const PYTHON: Needed = Needed {
    what: "Python 3.11 or newer, with venv",
    debian: "python3-venv",
    elsewhere: "`brew install python` (macOS) or `dnf install python3` (Fedora)",
    is_there: || {
        let check = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))";
        output(Command::new("python3").args(["-c", check])).is_ok()
    },
};

/// A virtual environment with exactly these packages, pinned by their digests: where its programs are. It is in the
/// target directory, one for each list of packages and each Python.
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
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    run(pip.args(["--no-deps", "--require-hashes", "--requirement"]).arg(requirements))?;
    // Written last: a download that was broken off is not taken for an environment.
    fs::write(&complete, "").map_err(|error| format!("{}: {error}", complete.display()))?;
    Ok(programs)
}
