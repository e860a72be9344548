//! Running a service's program to its end: subcommands, and starts that are refused.

use crate::{binaries, service::environment};
use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(20);

/// A program about to run.
#[derive(Debug)]
#[must_use = "nothing runs before `ended`"]
pub struct Run {
    command: Command,
    input: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub output: String,
    /// What it logged or complained about.
    pub errors: String,
}

impl Run {
    /// The program of one of the services, in a directory, without any setting.
    pub fn new(service: &str, directory: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(binaries::path_of(service));
        command.args(arguments).current_dir(directory).env_clear().envs(environment()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, input: String::new() }
    }

    /// Adds a setting.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds settings.
    pub fn envs(mut self, settings: &BTreeMap<String, String>) -> Self {
        self.command.envs(settings);
        self
    }

    /// What it reads from its standard input.
    pub fn input(self, input: &str) -> Self {
        Self { input: input.to_owned(), ..self }
    }

    /// Runs it.
    ///
    /// # Panics
    /// When it does not end within 20 s.
    pub async fn ended(mut self) -> Ended {
        let mut child = self.command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // A program that does not read its input may have closed it.
        drop(stdin.write_all(self.input.as_bytes()).await);
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("it still runs after {PATIENCE:?}")).expect("our own child");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), output: text(&output.stdout), errors: text(&output.stderr) }
    }
}
