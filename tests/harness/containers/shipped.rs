//! `docker-compose.yml` as it is.

use super::{
    docker::{Container, docker, printed},
    project::Project,
};
use crate::{http::Http, secrets::Secrets, warden};
use std::{
    env,
    ffi::OsStr,
    fs,
    io::{Seek as _, Write as _},
    iter,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A project in which only the two ports are changed, so that it does not get in the way of others.
#[derive(Debug)]
pub struct Shipped {
    /// auth-service.
    pub auth: Http,
    /// resource-service.
    pub resource: Http,
    project: Arc<Project>,
    directory: TempDir,
}

impl Shipped {
    /// Nothing runs yet.
    #[must_use]
    pub fn new() -> Self {
        let directory = warden::new_directory("shipped");
        let project = Project::as_shipped(directory.path());
        let http = |service| Http::to(project.ports_of(service)[0], Secrets::default());
        Self { auth: http("auth-service"), resource: http("resource-service"), project, directory }
    }

    /// Runs `docker-compose` with these words, and returns what it prints.
    ///
    /// # Panics
    /// With its error messages, when it fails.
    pub fn compose(&self, words: &[&str]) -> String {
        printed(&mut self.command(words)).expect("docker-compose succeeds")
    }

    /// As [`Shipped::compose`], for what reads from its standard input.
    ///
    /// # Panics
    /// As there.
    pub fn compose_with_input(&self, words: &[&str], input: &str) -> String {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(input.as_bytes()).and_then(|()| file.rewind()).expect("our own file");
        printed(self.command(words).stdin(file)).expect("docker-compose succeeds")
    }

    /// Runs a script in a directory, with this project as its `docker-compose`, and returns what it prints.
    ///
    /// # Panics
    /// With its error messages, when one of its commands fails.
    pub fn shell(&self, script: &str, directory: &Path) -> String {
        let compose = self.command(&[]);
        let path = env::var_os("PATH").unwrap_or_default();
        let words: Vec<_> = iter::once(compose.get_program()).chain(compose.get_args()).map(quoted).collect();
        let program = self.directory.path().join("docker-compose");
        fs::write(&program, format!("#!/bin/sh\nPATH={} exec {} \"$@\"\n", quoted(&path), words.join(" ")))
            .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
            .expect("our own directory");
        let mut shell = Command::new("sh");
        for (name, value) in compose.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let ours_first = env::join_paths(iter::once(self.directory.path().to_owned()).chain(env::split_paths(&path)));
        shell.env("PATH", ours_first.expect("our own directory has no colon in its name"));
        printed(shell.args(["-euc", script]).current_dir(directory)).expect("the script succeeds")
    }

    /// Another machine with the same address: nothing of this one is there.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        let directory = warden::new_directory("shipped");
        let project = self.project.elsewhere(directory.path());
        Self { project, directory, ..self }
    }

    /// Runs `docker` with these words, and returns what it prints.
    ///
    /// # Panics
    /// With its error messages, when it fails.
    pub fn docker(&self, words: &[&str]) -> String {
        docker(words).expect("docker succeeds")
    }

    /// Waits until a service is healthy, as the engine sees it.
    ///
    /// # Panics
    /// When it is not within a minute.
    pub fn wait_until_healthy(&self, service: &str) {
        let container = Container::named(self.compose(&["ps", "--quiet", service]).trim());
        let until = Instant::now() + TIMEOUT;
        while container.health() != "healthy" {
            assert!(Instant::now() < until, "{service} is {}\n{}", container.health(), container.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.project.compose(words);
        command.env("AUTH_PUBLIC_URL", format!("http://localhost:{}", self.auth.port()));
        command
    }

    /// The name of the project.
    #[must_use]
    pub fn name(&self) -> &str {
        self.project.name()
    }
}

/// As one word for a shell.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

impl Default for Shipped {
    fn default() -> Self {
        Self::new()
    }
}
