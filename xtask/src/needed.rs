//! Programs that are needed: installed on Debian as root, named elsewhere.

use crate::commands::{output, run, step};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Something that must be installed.
pub(crate) struct Needed {
    pub(crate) what: &'static str,
    /// Debian's package.
    pub(crate) debian: &'static str,
    /// How to get it on other systems.
    pub(crate) elsewhere: &'static str,
    pub(crate) is_there: fn() -> bool,
}

/// Installs what is missing where that is possible.
///
/// # Errors
/// What is still missing and how to get it, a line for each.
pub(crate) fn provide(needed: &[Needed]) -> Result<(), String> {
    let missing = || needed.iter().filter(|needed| !(needed.is_there)()).collect::<Vec<_>>();
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

/// Debian starts a server right after installing it, unless the machine seems to be in single-user mode.
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

/// The directories of the PATH.
pub(crate) fn path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Whether a single directory has all the programs.
pub(crate) fn is_in_one_of(mut directories: impl Iterator<Item = PathBuf>, programs: &[&str]) -> bool {
    directories.any(|directory| programs.iter().all(|program| directory.join(program).is_file()))
}
