//! One run of `docker-compose.yml`.

use super::docker::{Container, docker, printed};
use crate::{sockets::fresh_port, warden};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};
use uuid::Uuid;

/// How many lines of a log are shown when a test fails.
const TAIL: usize = 40;

/// The services whose logs a failing test shows.
const SERVICES: [&str; 4] = ["auth-service", "resource-service", "postgres", "redis"];

/// What `docker-compose.yml` takes from the shell.
const TAKEN_FROM_OUTSIDE: [&str; 5] = [
    "AUTH_PUBLIC_URL",
    "AUTH_SECRET_PREVIOUS_FILE",
    "AUTH_ALLOWED_ORIGINS",
    "AUTH_TRUSTED_PROXIES",
    "RESOURCE_ALLOWED_ORIGINS",
];

/// A network, volumes and containers with their own names. All are removed when this is dropped, and when the test
/// process is killed.
#[derive(Debug)]
pub(crate) struct Project {
    name: String,
    /// Visible to both services under the same path.
    directory: PathBuf,
    ports: Ports,
    /// Whether tests may look into it; otherwise it is `docker-compose.yml` as it is.
    is_open: bool,
    environments: Mutex<BTreeMap<&'static str, BTreeMap<String, String>>>,
    /// The settings with which each container was created, by its name.
    made: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

/// On loopback of this machine.
#[derive(Debug, Clone, Copy)]
struct Ports {
    auth: u16,
    auth_admin: u16,
    resource: u16,
    resource_admin: u16,
    redis: u16,
    postgres: u16,
}

impl Ports {
    fn fresh() -> Self {
        Self {
            auth: fresh_port(),
            auth_admin: fresh_port(),
            resource: fresh_port(),
            resource_admin: fresh_port(),
            redis: fresh_port(),
            postgres: fresh_port(),
        }
    }
}

/// The port of health and metrics inside the container.
fn admin_port(service: &str) -> u16 {
    if service == "auth-service" { 9080 } else { 9081 }
}

/// The settings of each service.
type Environments<'a> = BTreeMap<&'a str, &'a BTreeMap<String, String>>;

impl Project {
    /// A project that tests look into. Nothing runs yet.
    pub(crate) fn new(directory: &Path) -> Arc<Self> {
        Self::at(Ports::fresh(), directory, true)
    }

    /// A project with `docker-compose.yml` as it is.
    pub(crate) fn as_shipped(directory: &Path) -> Arc<Self> {
        Self::at(Ports::fresh(), directory, false)
    }

    /// Another project at the ports of this one.
    pub(crate) fn elsewhere(&self, directory: &Path) -> Arc<Self> {
        Self::at(self.ports, directory, self.is_open)
    }

    fn at(ports: Ports, directory: &Path, is_open: bool) -> Arc<Self> {
        let name = format!("jeton-test-{}", &Uuid::new_v4().simple().to_string()[..12]);
        warden::watch_project(&name);
        // The services run as another user than the tests.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our own directory");
        Arc::new(Self {
            name,
            directory: directory.to_owned(),
            ports,
            is_open,
            environments: Mutex::default(),
            made: Mutex::default(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where clients and operators reach a service.
    pub(crate) fn ports_of(&self, service: &str) -> [u16; 2] {
        let Ports { auth, auth_admin, resource, resource_admin, .. } = self.ports;
        if service == "auth-service" { [auth, auth_admin] } else { [resource, resource_admin] }
    }

    /// Where Redis is reached from this machine.
    pub(crate) fn redis_port(&self) -> u16 {
        self.ports.redis
    }

    /// The container of a service of `docker-compose.yml`, or of a replica.
    pub(crate) fn container(&self, service: &str) -> Container {
        Container::named(&format!("{}-{service}", self.name))
    }

    /// Creates the containers of these services where they are missing or their settings have changed, and starts them;
    /// first those that they depend on.
    ///
    /// # Panics
    /// When one does not start.
    pub(crate) fn up(&self, services: &[&str]) {
        self.start(&[], services);
    }

    /// As [`Project::up`], for one service and none of those that it depends on.
    pub(crate) fn up_alone(&self, service: &str) {
        self.start(&["--no-deps"], &[service]);
    }

    fn start(&self, options: &[&str], services: &[&str]) {
        let mut up = self.compose(&["up", "--detach", "--no-build"]);
        printed(up.args(options).args(services)).expect("docker-compose starts them");
        services.iter().for_each(|service| self.remember(service, &self.container(service)));
    }

    /// Whether the container was created with exactly these settings.
    pub(crate) fn has_made(&self, container: &Container, settings: &BTreeMap<String, String>) -> bool {
        lock(&self.made).get(container.name()) == Some(settings)
    }

    fn remember(&self, service: &str, container: &Container) {
        let settings = lock(&self.environments).get(service).cloned().unwrap_or_default();
        lock(&self.made).insert(container.name().to_owned(), settings);
    }

    /// Starts a further container of a service, published at these ports.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn run_beside(&self, service: &str, container: &Container, ports: [u16; 2]) {
        let inside = [self.ports_of(service)[0], admin_port(service)];
        let mut run = self.compose(&["run", "--detach", "--no-deps", "--name", container.name()]);
        for (ours, theirs) in ports.iter().zip(inside) {
            run.arg("--publish").arg(format!("127.0.0.1:{ours}:{theirs}"));
        }
        printed(run.arg(service)).expect("docker-compose starts another one");
        self.remember(service, container);
    }

    /// Changes the settings of a service, from the next [`Project::up`] on.
    pub(crate) fn set(&self, service: &'static str, settings: &BTreeMap<String, String>) {
        lock(&self.environments).insert(service, settings.clone());
    }

    /// A container like that of a service, with other settings, which is gone once its program has ended. Arguments
    /// that are added are the program's.
    pub(crate) fn run_anew(&self, service: &str, settings: &BTreeMap<String, String>) -> Command {
        let environments = BTreeMap::from([(service, settings)]);
        self.compose_as("docker-compose.run.json", &environments, &["run", "--rm", "--no-deps", "-T", service])
    }

    /// `docker-compose` for this project, with its settings as they are now.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Command {
        let environments = lock(&self.environments);
        let environments = environments.iter().map(|(service, settings)| (*service, settings)).collect();
        self.compose_as("docker-compose.test.json", &environments, arguments)
    }

    /// `docker-compose` with these settings of the services.
    fn compose_as(&self, file: &str, environments: &Environments<'_>, arguments: &[&str]) -> Command {
        let [program, words @ ..] = compose_program() else { unreachable!("it has a name") };
        // No setting comes from the shell that runs the tests, or from a file .env.
        let nothing = self.directory.join("empty.env");
        fs::write(&nothing, "").expect("our own directory");
        let mut command = Command::new(program);
        TAKEN_FROM_OUTSIDE.iter().for_each(|setting| {
            command.env_remove(setting);
        });
        command.args(words).args(["--project-name", &self.name]).arg("--env-file").arg(nothing);
        command.arg("--project-directory").arg(workspace());
        command.arg("--file").arg(workspace().join("docker-compose.yml"));
        if self.is_open {
            let differences = self.directory.join(file);
            fs::write(&differences, self.differences(environments).to_string()).expect("our own directory");
            command.arg("--file").arg(differences);
        }
        command.args(arguments);
        command.env("JETON_AUTH_PORT", self.ports.auth.to_string());
        command.env("JETON_RESOURCE_PORT", self.ports.resource.to_string());
        command
    }

    /// Removes the volume of a service whose container is gone.
    pub(crate) fn remove_volume(&self, volume: &str) {
        docker(&["volume", "rm", &format!("{}_{volume}", self.name)]).expect("nobody uses the volume any more");
    }

    /// The address from which the services see the tests: the gateway of their network.
    pub(crate) fn our_address(&self) -> String {
        let network = format!("{}_default", self.name);
        let format = "{{(index .IPAM.Config 0).Gateway}}";
        docker(&["network", "inspect", "--format", format, &network]).expect("it has a network").trim().to_owned()
    }

    /// The postgres of this project, as a client on this machine names it.
    pub(crate) fn database_url(&self) -> String {
        let password = self.container("postgres").run(&["cat", "/secrets/password"]);
        format!("postgres://jeton:{}@127.0.0.1:{}/jeton", password.trim(), self.ports.postgres)
    }

    /// How a test's project differs from `docker-compose.yml`: published ports, predictable names, and settings.
    fn differences(&self, environments: &Environments<'_>) -> Value {
        let Ports { auth_admin, resource_admin, redis, postgres, .. } = self.ports;
        let name = |service: &str| self.container(service).name().to_owned();
        let publish = |ours: u16, theirs: u16| json!([format!("127.0.0.1:{ours}:{theirs}")]);
        let environment = |service: &str| -> Value {
            let settings = || environments.get(service).into_iter().copied().flatten();
            let in_its_place = settings().map(|(name, _)| (replaced_by(name), Value::Null));
            in_its_place.chain(settings().map(|(name, value)| (name.clone(), escaped(value)))).collect()
        };
        let directory = self.directory.display();
        let files = json!([format!("{directory}:{directory}:ro")]);
        json!({ "services": {
            "secrets": { "container_name": name("secrets") },
            "postgres": { "container_name": name("postgres"), "ports": publish(postgres, 5432) },
            "redis": { "container_name": name("redis"), "ports": publish(redis, 6379) },
            "auth-service": {
                "container_name": name("auth-service"),
                "ports": publish(auth_admin, admin_port("auth-service")),
                "environment": environment("auth-service"),
                "volumes": files,
            },
            "resource-service": {
                "container_name": name("resource-service"),
                "ports": publish(resource_admin, admin_port("resource-service")),
                "environment": environment("resource-service"),
                "volumes": files,
            },
        } })
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if thread::panicking() {
            for service in SERVICES {
                let log = self.container(service).log();
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
                eprintln!("--- the end of the log of {service} ---\n{tail}\n---");
            }
        }
        warden::remove_project(&self.name);
    }
}

/// The setting of `docker-compose.yml` that contradicts this one: a setting is given by value or by file.
fn replaced_by(name: &str) -> String {
    match name {
        "RESOURCE_JWKS_FILE" => "RESOURCE_JWKS_URL".to_owned(),
        _ => format!("{name}_FILE"),
    }
}

/// Compose takes `$` for the beginning of a variable.
fn escaped(value: &str) -> Value {
    value.replace('$', "$$").into()
}

/// The words that docker-compose is called with: the plugin of the engine, or else the separate program.
#[must_use]
pub fn compose_program() -> &'static [&'static str] {
    static PROGRAM: OnceLock<&[&str]> = OnceLock::new();
    PROGRAM.get_or_init(|| match docker(&["compose", "version"]) {
        Ok(_) => &["docker", "compose"],
        Err(_) => &["docker-compose"],
    })
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/harness is a directory of the workspace")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
