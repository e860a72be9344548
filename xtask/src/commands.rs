//! Running other programs, cargo above all.

use std::{
    env,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The programs of both services.
pub(crate) const SERVICES: [&str; 2] = ["auth-service", "resource-service"];

/// The steps so far, and how long each took.
static STEPS: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// The root of the workspace, wherever the task was called from.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the workspace")
}

/// Where cargo puts what it builds with a profile; xtask itself was built into `debug`.
///
/// # Errors
/// One sentence.
pub(crate) fn binaries(profile: &str) -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("the path of xtask is unknown: {error}"))?;
    let target = own.ancestors().nth(2).ok_or("xtask is not in a target directory")?;
    Ok(target.join(profile))
}

/// `cargo <arguments>`, in the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace());
    command
}

/// Builds programs of the workspace with a profile, and says where they are.
///
/// # Errors
/// One sentence.
pub(crate) fn build(profile: &str, programs: &[&str]) -> Result<PathBuf, String> {
    // Not by package: cargo unites the features of the packages that are chosen, and would build their dependencies again for
    // each choice.
    let mut build = cargo(&["build", "--workspace"]);
    build.args(programs.iter().flat_map(|program| ["--bin", program]));
    if profile == "release" {
        build.arg("--release");
    }
    run(&mut build)?;
    binaries(profile)
}

/// Becomes another program, which gets the signals that are meant for us. Returns only when that fails: one sentence.
pub(crate) fn run_as(mut command: Command) -> String {
    let error = command.exec();
    format!("{}: {error}", line(&command))
}

/// Runs a command to its end; it prints to our own output.
///
/// # Errors
/// One sentence, if it does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{}: {error}", line(command)))?;
    ended(command, status)
}

/// Whether a command that has ended has succeeded.
///
/// # Errors
/// One sentence, if it did not succeed.
pub(crate) fn ended(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", line(command))) }
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// One sentence, if it does not succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", line(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("`{}` failed: {}", line(command), String::from_utf8_lossy(&output.stderr).trim()))
}

/// The words that docker-compose is called with: the plugin of the engine, or else the program of its own.
pub(crate) fn compose_program() -> &'static [&'static str] {
    match output(Command::new("docker").args(["compose", "version"])) {
        Ok(_) => &["docker", "compose"],
        Err(_) => &["docker-compose"],
    }
}

/// Does one step of a longer task, with its name and how long it took.
///
/// # Errors
/// Those of the step.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    println!("==> {name}");
    let begun = Instant::now();
    let outcome = work();
    let (word, took) = (if outcome.is_ok() { "done" } else { "failed" }, begun.elapsed());
    println!("==> {name}: {word} in {:.1} s", took.as_secs_f32());
    STEPS.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), took));
    outcome
}

/// Prints the steps so far with their seconds, in the order in which they ended.
pub(crate) fn print_steps() {
    println!("==> steps, in seconds");
    for (name, took) in STEPS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{:>7.1}  {name}", took.as_secs_f32());
    }
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
