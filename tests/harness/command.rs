//! Running a service's program to its end: subcommands, and starts that are refused.

use crate::{
    binaries,
    containers::{Container, Project},
    local::environment,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

const TIMEOUT: Duration = Duration::from_secs(20);

/// The same, where a container may have to be created first, among many others.
const TIMEOUT_WITH_CONTAINERS: Duration = Duration::from_secs(60);

/// A program about to run.
#[derive(Debug)]
#[must_use = "nothing runs before `ended`"]
pub struct Run {
    place: Place,
    program: String,
    arguments: Vec<String>,
    settings: BTreeMap<String, String>,
    input: String,
}

/// Where a program runs.
#[derive(Debug)]
enum Place {
    /// On this machine, in a directory, with no settings but those of this run.
    Here(PathBuf),
    /// In a container that runs, with the container's settings.
    Within(Container),
    /// In a new container like that of a service.
    WithinNew(Arc<Project>),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub output: String,
    /// What it logged, and its error messages.
    pub errors: String,
}

impl Run {
    /// The program of one of the services, in a directory, without any setting.
    pub fn new(service: &str, directory: &Path, arguments: &[&str]) -> Self {
        Self::at(Place::Here(directory.to_owned()), service, arguments)
    }

    /// In a container that runs, with its settings.
    pub(crate) fn within(container: &Container, service: &str, arguments: &[&str]) -> Self {
        Self::at(Place::Within(container.clone()), service, arguments)
    }

    /// In a new container, with the settings of the service.
    pub(crate) fn within_new(project: &Arc<Project>, service: &str, arguments: &[&str]) -> Self {
        Self::at(Place::WithinNew(Arc::clone(project)), service, arguments)
    }

    fn at(place: Place, service: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { place, program: service.to_owned(), arguments, settings: BTreeMap::new(), input: String::new() }
    }

    /// Adds a setting.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds settings.
    pub fn envs(mut self, settings: &BTreeMap<String, String>) -> Self {
        self.settings.extend(settings.clone());
        self
    }

    /// What it reads from its standard input.
    pub fn input(self, input: &str) -> Self {
        Self { input: input.to_owned(), ..self }
    }

    /// Runs it.
    ///
    /// # Panics
    /// When it does not end within 20 s, or 60 s in a container.
    pub async fn ended(self) -> Ended {
        self.ended_with(Stdio::piped()).await
    }

    /// Runs it with another standard output, of which nothing is kept.
    ///
    /// # Panics
    /// As [`Run::ended`].
    pub async fn ended_with(self, output: impl Into<Stdio>) -> Ended {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(output).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // A program that does not read its input may have closed it.
        drop(stdin.write_all(self.input.as_bytes()).await);
        drop(stdin);
        let patience = match self.place {
            Place::Here(_) => TIMEOUT,
            Place::Within(_) | Place::WithinNew(_) => TIMEOUT_WITH_CONTAINERS,
        };
        let output = timeout(patience, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("it still runs after {patience:?}")).expect("our own child");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), output: text(&output.stdout), errors: text(&output.stderr) }
    }

    fn command(&self) -> Command {
        match &self.place {
            Place::Here(directory) => {
                let mut command = Command::new(binaries::path_of(&self.program));
                command.current_dir(directory).env_clear().envs(environment()).envs(&self.settings);
                command.args(&self.arguments);
                command
            }
            Place::Within(container) => {
                let mut command = Command::new("docker");
                command.args(["exec", "--interactive", container.name(), "env"]);
                // A setting given by value must not be given by file too.
                command.args(self.settings.keys().map(|name| format!("--unset={name}_FILE")));
                command.args(self.settings.iter().map(|(name, value)| format!("{name}={value}")));
                command.arg(&self.program).args(&self.arguments);
                command
            }
            Place::WithinNew(project) => {
                Command::from(project.run_anew(&self.program, &self.settings, &self.arguments))
            }
        }
    }
}
