//! Containers, and Docker's command line.

use super::engine;
use serde_json::Value;
use std::{
    fs, io,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// Runs `docker` and returns what it printed.
///
/// # Errors
/// Its error messages.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    printed(Command::new("docker").args(arguments))
}

/// Runs a command and returns what it printed.
///
/// # Errors
/// Its error messages.
pub(crate) fn printed(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// A container that may run, be stopped, or be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container(String);

impl Container {
    /// By its name.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Whether it has been created.
    pub(crate) fn exists(&self) -> bool {
        self.described().is_ok()
    }

    /// How it ended, if it does not run.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        let state = &self.described().ok()?["State"];
        let has_ended = ["exited", "dead"].contains(&state["Status"].as_str()?);
        let code = state["ExitCode"].as_i64().and_then(|code| i32::try_from(code).ok())?;
        // As a shell sees it: 137 for SIGKILL is 128 and the signal.
        has_ended.then(|| ExitStatus::from_raw(code << 8))
    }

    /// The id of its first process, as this machine counts.
    pub(crate) fn process_id(&self) -> u32 {
        let described = self.described().expect("it has been made");
        let id = described["State"]["Pid"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.expect("the engine says a number")
    }

    /// What its health check says: `starting`, `healthy` or `unhealthy`.
    pub(crate) fn health(&self) -> String {
        let described = self.described().unwrap_or_default();
        described["State"]["Health"]["Status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for its end, and returns its code.
    ///
    /// # Panics
    /// When it has not been made.
    pub(crate) fn wait(&self) -> i64 {
        let ended = engine::post(&self.path("wait"), &Value::Null).expect("it has been made");
        ended["StatusCode"].as_i64().expect("the engine says a number")
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it still runs after `patience`.
    pub(crate) fn stop(&self, patience: Duration) -> ExitStatus {
        self.order("kill?signal=TERM");
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < until, "{} still runs after {patience:?}\n{}", self.0, self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL, if it runs.
    pub(crate) fn kill(&self) {
        // It may have been killed before.
        drop(engine::post(&self.path("kill"), &Value::Null));
    }

    /// Runs again what has ended, as it was.
    pub(crate) fn start(&self) {
        self.order("start");
    }

    /// SIGSTOP to its program, and waits until it has stopped: until then, any of its threads may go on. The engine's
    /// own `pause` fails now and then on a busy machine (`unable to freeze`).
    pub(crate) fn pause(&self) {
        self.order("kill?signal=STOP");
        let id = self.process_id();
        while !stands_still(id).unwrap_or(true) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Undoes [`Container::pause`].
    pub(crate) fn resume(&self) {
        self.order("kill?signal=CONT");
    }

    /// Removes it, with the volumes that have no name.
    pub(crate) fn remove(&self) {
        // It may never have been made.
        drop(engine::delete(&format!("/containers/{}?force=1&v=1", self.0)));
    }

    /// Runs a command in it.
    ///
    /// # Panics
    /// When that fails.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        docker(&[&["exec", &self.0], command].concat()).expect("the command succeeds in the container")
    }

    /// Whether a command succeeds in it.
    pub(crate) fn does(&self, command: &[&str]) -> bool {
        docker(&[&["exec", &self.0], command].concat()).is_ok()
    }

    /// A file in it.
    ///
    /// # Panics
    /// When it is not there.
    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        let output = Command::new("docker").args(["exec", &self.0, "cat", path]).output().expect("docker runs");
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Copies a file or a directory out of it, whether it runs or not.
    ///
    /// # Panics
    /// When it is not there.
    pub(crate) fn copy_out(&self, from: &str, to: &str) {
        docker(&["cp", &format!("{}:{from}", self.0), to]).expect("it is there");
    }

    /// What has been logged since it was created; nothing, if it never was.
    pub(crate) fn log(&self) -> String {
        let output = Command::new("docker").args(["logs", &self.0]).output().expect("docker runs");
        if !output.status.success() {
            return String::new();
        }
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn described(&self) -> Result<Value, String> {
        engine::get(&self.path("json"))
    }

    fn order(&self, verb: &str) {
        engine::post(&self.path(verb), &Value::Null).expect("the engine obeys");
    }

    fn path(&self, verb: &str) -> String {
        format!("/containers/{}/{verb}", self.0)
    }
}

/// Whether all threads of a process have been stopped. An engine in a virtual machine has its processes there: an error.
fn stands_still(id: u32) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        // Behind the name, which may contain anything.
        let state = stat.rsplit(") ").next().unwrap_or_default();
        if !state.starts_with('T') {
            return Ok(false);
        }
    }
    Ok(true)
}
