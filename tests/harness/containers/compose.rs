//! `docker-compose` with `docker-compose.yml`.

use super::{docker::docker, ports::Ports};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What `docker-compose.yml` takes from the shell.
const TAKEN_FROM_OUTSIDE: [&str; 5] = [
    "AUTH_PUBLIC_URL",
    "AUTH_SECRET_PREVIOUS_FILE",
    "AUTH_ALLOWED_ORIGINS",
    "AUTH_TRUSTED_PROXIES",
    "RESOURCE_ALLOWED_ORIGINS",
];

/// `docker-compose` for a project with these ports, with `differences` from `docker-compose.yml`, and a directory for its
/// own use.
pub(crate) fn compose(project: &str, ports: Ports, directory: &Path, differences: Option<&Path>) -> Command {
    let [program, words @ ..] = compose_program() else { unreachable!("it has a name") };
    // Not what the shell of whoever runs the tests, or a file .env, says.
    let nothing = directory.join("empty.env");
    fs::write(&nothing, "").expect("our own directory");
    let mut command = Command::new(program);
    TAKEN_FROM_OUTSIDE.iter().for_each(|setting| {
        command.env_remove(setting);
    });
    command.args(words).args(["--project-name", project]).arg("--env-file").arg(nothing);
    command.arg("--project-directory").arg(workspace());
    for file in [workspace().join("docker-compose.yml")].into_iter().chain(differences.map(PathBuf::from)) {
        command.arg("--file").arg(file);
    }
    command.env("JETON_AUTH_PORT", ports.auth.to_string());
    command.env("JETON_RESOURCE_PORT", ports.resource.to_string());
    command
}

/// The words that docker-compose is called with: the plugin of the engine, or else the program of its own.
#[must_use]
pub fn compose_program() -> &'static [&'static str] {
    static PROGRAM: OnceLock<&[&str]> = OnceLock::new();
    PROGRAM.get_or_init(|| match docker(&["compose", "version"]) {
        Ok(_) => &["docker", "compose"],
        Err(_) => &["docker-compose"],
    })
}

/// The root of the workspace.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/harness is in the workspace")
}
