//! What `cargo xtask` runs first. It depends on nothing, so that it is built in a second and can say what goes on while
//! cargo builds xtask itself, whose progress is shown.

use std::{
    convert::Infallible,
    env,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let Err(error) = run();
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Builds xtask and becomes it. Returns only when that fails.
fn run() -> Result<Infallible, String> {
    let own = env::current_exe().map_err(|error| format!("the path of xtask-start is unknown: {error}"))?;
    let xtask = own.with_file_name("xtask");
    if !xtask.exists() {
        eprintln!(
            "Building xtask first: half a minute this once, on two cores. The services are built after it where a task needs \
             them."
        );
    }
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // Not by package: what it needs is built with the features that the services need, and once for all of them.
    build.args(["build", "--workspace", "--bin", "xtask"]).current_dir(workspace);
    let built = build.status().map_err(|error| format!("cargo does not run: {error}"))?;
    if !built.success() {
        return Err("xtask does not build: see above".to_owned());
    }
    let error = Command::new(&xtask).args(env::args_os().skip(1)).exec();
    Err(format!("{} does not run: {error}", xtask.display()))
}
