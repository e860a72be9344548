//! `cargo xtask schemathesis`: both running services are asked everything that their OpenAPI documents allow, and much
//! that they forbid (`tests/schemathesis`).

use crate::{
    commands::{SERVICES, build, run as run_to_end, step, workspace},
    python::virtual_environment,
};
use std::process::Command;

/// Builds the services, and attacks each as an admin and as nobody.
///
/// # Errors
/// One sentence; what was found has been printed.
pub(crate) fn run() -> Result<(), String> {
    let requirements = workspace().join("tests/schemathesis/requirements.txt");
    let programs = step("prepare schemathesis", || virtual_environment(&requirements))?;
    let binaries = build("debug", &[&SERVICES[..], &["schemathesis"]].concat())?;
    let mut attack = Command::new(binaries.join("schemathesis"));
    attack.env("JETON_BIN_DIR", &binaries).env("JETON_PYTHON_BIN", programs);
    step("schemathesis", || run_to_end(&mut attack))
}
