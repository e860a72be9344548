//! One run of `docker-compose.yml`, or a copy of one.

use super::{
    compose,
    docker::Container,
    engine,
    pattern::Differences,
    ports::Ports,
    stores::{Stores, container_of, new_name, pattern},
};
use crate::warden;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use uuid::Uuid;

/// How many lines of a log are shown when a test fails.
const TAIL: usize = 40;

/// The services whose logs a failing test shows.
const SERVICES: [&str; 4] = ["auth-service", "resource-service", "postgres", "redis"];

/// A network, volumes and containers with names of their own. All but the stores are removed when this is dropped, and
/// those when the test process ends, also when it is killed.
#[derive(Debug)]
pub(crate) struct Project {
    name: String,
    /// Visible to both services under the same path.
    directory: PathBuf,
    ports: Ports,
    /// Those that tests look into; otherwise it is what everybody gets.
    stores: Option<Stores>,
    /// Whether a test may have changed what stores keep beside their data.
    is_disturbed: AtomicBool,
    /// With which settings each container was made, by its name.
    made: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Project {
    /// A project that tests look into. Its stores run and are empty; nothing else does.
    ///
    /// # Panics
    /// When the stores do not start.
    pub(crate) fn new(directory: &Path) -> Arc<Self> {
        let stores = Stores::empty();
        Self::at(stores.name.clone(), stores.ports.with_fresh_services(), directory, Some(stores))
    }

    /// A project with `docker-compose.yml` as it is. Nothing runs yet.
    pub(crate) fn as_shipped(directory: &Path) -> Arc<Self> {
        Self::shipped_at(Ports::fresh(), directory)
    }

    /// Another project at the ports of this one.
    pub(crate) fn elsewhere(&self, directory: &Path) -> Arc<Self> {
        Self::shipped_at(self.ports, directory)
    }

    fn shipped_at(ports: Ports, directory: &Path) -> Arc<Self> {
        let name = new_name();
        warden::watch_project(&name);
        Self::at(name, ports, directory, None)
    }

    fn at(name: String, ports: Ports, directory: &Path, stores: Option<Stores>) -> Arc<Self> {
        // The services run as another user than we.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our own directory");
        let is_disturbed = AtomicBool::new(false);
        Arc::new(Self { name, directory: directory.to_owned(), ports, stores, is_disturbed, made: Mutex::default() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where clients and operators reach a service.
    pub(crate) fn ports_of(&self, service: &str) -> [u16; 2] {
        self.ports.of(service)
    }

    /// Where Redis is reached from this machine.
    pub(crate) fn redis_port(&self) -> u16 {
        self.ports.redis
    }

    /// What Redis asks for.
    pub(crate) fn redis_password(&self) -> &str {
        self.stores().redis_password()
    }

    /// The postgres of this project, as a client on this machine names it.
    pub(crate) fn database_url(&self) -> String {
        self.stores().database_url()
    }

    /// As before the first start of auth-service.
    pub(crate) fn empty_database(&self) {
        self.stores().empty_database();
    }

    /// Keeps the stores from going to another stack: a test does something to them.
    pub(crate) fn disturb(&self) {
        self.is_disturbed.store(true, Ordering::Relaxed);
    }

    fn stores(&self) -> &Stores {
        self.stores.as_ref().expect("tests look into this project")
    }

    /// The container of a service of `docker-compose.yml`, or of a replica.
    pub(crate) fn container(&self, service: &str) -> Container {
        container_of(&self.name, service)
    }

    /// Whether the container was created with exactly these settings.
    pub(crate) fn has_made(&self, container: &Container, settings: &BTreeMap<String, String>) -> bool {
        lock(&self.made).get(container.name()) == Some(settings)
    }

    /// Makes the container of a service with these settings, in the place of the one before, and starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn make(&self, service: &str, settings: &BTreeMap<String, String>) {
        self.make_as(service, &self.container(service), settings, None);
    }

    /// A further container of a service, published at these ports.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn make_beside(
        &self,
        service: &str,
        container: &Container,
        settings: &BTreeMap<String, String>,
        [public, operators]: [u16; 2],
    ) {
        let inside = self.ports.inside(service);
        self.make_as(service, container, settings, Some([(inside[0], public), (inside[1], operators)]));
    }

    fn make_as(
        &self,
        service: &str,
        container: &Container,
        settings: &BTreeMap<String, String>,
        published: Option<[(u16, u16); 2]>,
    ) {
        let directory = self.directory.to_string_lossy();
        let directory = Some(directory.as_ref());
        let differences = Differences { settings: Some(settings), directory, published, arguments: None };
        container.remove();
        self.made_container(service, container, &differences);
        container.start();
        lock(&self.made).insert(container.name().to_owned(), settings.clone());
    }

    fn made_container(&self, service: &str, container: &Container, differences: &Differences<'_>) {
        let made = pattern().make_container(service, container, (&self.name, self.ports), differences);
        made.expect("the engine makes a container");
    }

    /// A container like that of a service, with other settings and with arguments of the program, which is gone once its
    /// program has ended.
    ///
    /// # Panics
    /// When it cannot be made.
    pub(crate) fn run_anew(&self, service: &str, settings: &BTreeMap<String, String>, arguments: &[String]) -> Command {
        let container = self.container(&format!("run-{}", Uuid::new_v4().simple()));
        let directory = self.directory.to_string_lossy();
        let directory = Some(directory.as_ref());
        let differences =
            Differences { settings: Some(settings), directory, published: None, arguments: Some(arguments) };
        self.made_container(service, &container, &differences);
        let mut run = Command::new("docker");
        run.args(["start", "--attach", "--interactive", container.name()]);
        run
    }

    /// `docker-compose` for this project, with `docker-compose.yml` as it is.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Command {
        let mut compose = compose::compose(&self.name, self.ports, &self.directory, None);
        compose.args(arguments);
        compose
    }

    /// Replaces the container and the volume of a store by new ones.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn make_store_anew(&self, service: &str, volume: &str) {
        let container = self.container(service);
        container.remove();
        pattern().empty_volume(volume, &self.name).expect("nobody uses the volume any more");
        self.made_container(service, &container, &Differences::default());
        container.start();
    }

    /// The address from which the services see the tests: the gateway of their network.
    pub(crate) fn our_address(&self) -> String {
        let network = engine::get(&format!("/networks/{}_default", self.name)).expect("it has a network");
        network["IPAM"]["Config"][0]["Gateway"].as_str().expect("it has a gateway").to_owned()
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
        let is_reusable = !thread::panicking() && !self.is_disturbed.load(Ordering::Relaxed);
        match self.stores.take() {
            Some(stores) if is_reusable => stores.leave(),
            _ => warden::remove_project(&self.name),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
