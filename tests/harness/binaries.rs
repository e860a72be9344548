//! Where the programs under test are.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// The path of one of the services: from `JETON_BIN_DIR`, or built now (once) with the profile of the running test.
///
/// # Panics
/// When it is not there or does not build.
#[must_use]
pub fn path_of(service: &str) -> PathBuf {
    let path = directory().join(service);
    assert!(path.is_file(), "{} is missing: run `cargo build`, or set JETON_BIN_DIR", path.display());
    path
}

/// The directory in which both are.
///
/// # Panics
/// As [`path_of`].
#[must_use]
pub fn directory() -> &'static Path {
    DIRECTORY.get_or_init(|| env::var_os("JETON_BIN_DIR").map_or_else(build, given))
}

/// Services run in directories of their own, so the path must not be relative.
fn given(directory: OsString) -> PathBuf {
    let directory = PathBuf::from(directory);
    directory.canonicalize().unwrap_or_else(|error| panic!("JETON_BIN_DIR is {}: {error}", directory.display()))
}

fn build() -> PathBuf {
    let test = env::current_exe().expect("the system knows our own path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("cargo puts tests into target/<profile>/deps");
    let target = profile.parent().expect("a profile is a directory of the target directory");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--workspace", "--bin", "auth-service", "--bin", "resource-service", "--target-dir"])
        .arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(built.success(), "the services do not build");
    profile.to_owned()
}
