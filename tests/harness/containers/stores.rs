//! PostgreSQL and Redis of a project. They go from one stack to the next, empty again: making them takes most of the time of a
//! stack.

use super::{
    compose::compose,
    docker::{Container, printed},
    engine::get,
    pattern::{Differences, Pattern},
    ports::Ports,
};
use crate::{postgres::Postgres, redis, warden};
use serde_json::{Value, json};
use std::{
    fs,
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the database of auth-service anew: empty, or as its first start left it.
const EMPTY_DATABASE: [&str; 2] = ["DROP DATABASE jeton WITH (FORCE)", "CREATE DATABASE jeton"];
const BEGUN_DATABASE: [&str; 2] = ["DROP DATABASE jeton WITH (FORCE)", "CREATE DATABASE jeton TEMPLATE begun"];
/// Keeps what the first start has left.
const KEEP: [&str; 2] = ["ALTER DATABASE jeton RENAME TO begun", "CREATE DATABASE jeton TEMPLATE begun"];

/// What stays of a project when a stack ends. One of them has ended by itself.
const STAYING: [&str; 3] = ["secrets", "postgres", "redis"];

/// Fails if a test has changed in PostgreSQL what does not belong to a database: roles, or settings of the server.
const NOTHING_ELSE_IS_CHANGED: &str = "DO $$ BEGIN
    ASSERT (SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_') = 1, 'there are other roles';
    ASSERT (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = 0) = 0, 'a role has settings';
    ASSERT (SELECT count(*) FROM pg_file_settings WHERE sourcefile ~ 'auto.conf$') = 0, 'the server has other settings';
END $$";

/// Running, and as empty as after the first start.
static EMPTY: Mutex<Vec<Stores>> = Mutex::new(Vec::new());

/// PostgreSQL and Redis, with the secrets and networks of their project.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    /// The project.
    pub(crate) name: String,
    /// Those of the services are only taken once there are services.
    pub(crate) ports: Ports,
    passwords: Passwords,
}

#[derive(Debug, Clone)]
struct Passwords {
    postgres: String,
    redis: String,
}

impl Stores {
    /// Stores that run and are empty.
    ///
    /// # Panics
    /// When they do not start.
    pub(crate) fn empty() -> Self {
        let pattern = pattern();
        let left = empty().pop();
        left.unwrap_or_else(|| Self::copied(pattern))
    }

    /// Empties them for another stack, or removes the whole project when that fails.
    pub(crate) fn leave(self) {
        match self.clear() {
            Ok(()) => empty().push(self),
            Err(reason) => {
                eprintln!("{} is not used again: {reason}", self.name);
                warden::remove_project(&self.name);
            }
        }
    }

    /// What Redis asks for.
    pub(crate) fn redis_password(&self) -> &str {
        &self.passwords.redis
    }

    /// The database of auth-service, as a client on this machine names it.
    pub(crate) fn database_url(&self) -> String {
        self.url_of("jeton")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://jeton:{}@127.0.0.1:{}/{database}", self.passwords.postgres, self.ports.postgres)
    }

    fn copied(pattern: &Pattern) -> Self {
        let (name, ports) = (new_name(), Ports::fresh());
        warden::watch_project(&name);
        pattern.make_surroundings(&name).expect("the engine makes networks and volumes");
        for service in STAYING {
            let container = container_of(&name, service);
            let made = pattern.make_container(service, &container, (&name, ports), &Differences::default());
            made.expect("the engine makes containers");
        }
        let secrets = container_of(&name, "secrets");
        secrets.start();
        assert_eq!(secrets.wait(), 0, "{}", secrets.log());
        container_of(&name, "postgres").start();
        container_of(&name, "redis").start();
        let stores = Self::started(name, ports);
        let init = container_of(&stores.name, "init");
        let differences = Differences { arguments: Some(&["init".to_owned()]), ..Differences::default() };
        let made = pattern.make_container("auth-service", &init, (&stores.name, ports), &differences);
        made.expect("the engine makes containers");
        let mut run = Command::new("docker");
        printed(run.args(["start", "--attach", init.name()])).expect("the first start succeeds");
        stores.keep_what_the_first_start_left();
        stores
    }

    /// Once both answer.
    fn started(name: String, ports: Ports) -> Self {
        let password = |service| container_of(&name, service).run(&["cat", "/secrets/password"]).trim().to_owned();
        let passwords = Passwords { postgres: password("postgres"), redis: password("redis") };
        let stores = Self { name, ports, passwords };
        redis::wait_until_it_answers(stores.ports.redis, stores.redis_password()).expect("Redis answers");
        let until = Instant::now() + PATIENCE;
        while let Err(reason) = Postgres::try_execute(&stores.url_of("postgres"), "SELECT 1") {
            let log = || container_of(&stores.name, "postgres").log();
            assert!(Instant::now() < until, "PostgreSQL does not answer: {reason}\n{}", log());
            thread::sleep(Duration::from_millis(50));
        }
        stores
    }

    fn clear(&self) -> Result<(), String> {
        self.remove_services()?;
        Postgres::try_execute(&self.url_of("postgres"), NOTHING_ELSE_IS_CHANGED)?;
        self.execute(BEGUN_DATABASE)?;
        for command in ["FLUSHALL", "SCRIPT FLUSH"] {
            let answer = redis::ask(self.ports.redis, Some(self.redis_password()), command);
            answer.map_err(|error| error.to_string()).and_then(|answer| match answer.as_str() {
                "+OK" => Ok(()),
                _ => Err(format!("{command}: {answer}")),
            })?;
        }
        Ok(())
    }

    /// As before the first start of auth-service.
    ///
    /// # Panics
    /// When PostgreSQL refuses it.
    pub(crate) fn empty_database(&self) {
        self.execute(EMPTY_DATABASE).expect("nobody uses the database yet");
    }

    /// PostgreSQL may take a moment to see that nobody uses the database any more.
    fn keep_what_the_first_start_left(&self) {
        let until = Instant::now() + PATIENCE;
        while let Err(reason) = self.execute(KEEP) {
            assert!(Instant::now() < until, "{reason}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn execute(&self, statements: [&str; 2]) -> Result<(), String> {
        let database = self.url_of("postgres");
        statements.into_iter().try_for_each(|statement| Postgres::try_execute(&database, statement))
    }

    /// The services with their replicas, and what they have kept.
    fn remove_services(&self) -> Result<(), String> {
        let all = get("/containers/json?all=1")?;
        let of_project = format!("/{}-", self.name);
        let services = all.as_array().into_iter().flatten().filter_map(|container| {
            let service = container["Names"][0].as_str()?.strip_prefix(&of_project)?;
            (!STAYING.contains(&service)).then(|| container_of(&self.name, service))
        });
        services.for_each(|service| service.remove());
        pattern().empty_volume("resource-data", &self.name)
    }
}

/// The project that is made by docker-compose. Its stores are the first ones.
pub(crate) fn pattern() -> &'static Pattern {
    static PATTERN: OnceLock<Pattern> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let (name, ports, directory) = (new_name(), Ports::fresh(), warden::new_directory("pattern"));
        warden::watch_project(&name);
        let differences = directory.path().join("docker-compose.test.json");
        fs::write(&differences, what_tests_need(&name, ports).to_string()).expect("our own directory");
        // Without dependencies, nothing waits for the first of the health checks, which is five seconds later.
        for services in [["postgres", "redis"].as_slice(), &["--no-deps", "auth-service", "resource-service"]] {
            let mut compose = compose(&name, ports, directory.path(), Some(&differences));
            let up = compose.args(["up", "--no-build", "--detach"]).args(services);
            printed(up).expect("docker-compose makes a project");
        }
        let pattern = Pattern::of(&name, ports);
        let stores = Stores::started(name, ports);
        let auth = container_of(&stores.name, "auth-service");
        let until = Instant::now() + PATIENCE;
        while !auth.does(&["auth-service", "healthcheck"]) {
            assert!(Instant::now() < until, "auth-service does not get ready\n{}", auth.log());
            thread::sleep(Duration::from_millis(50));
        }
        ["auth-service", "resource-service"].iter().for_each(|service| container_of(&stores.name, service).remove());
        stores.keep_what_the_first_start_left();
        empty().push(stores);
        pattern
    })
}

/// Ports that tests look into, and names that they can foresee.
fn what_tests_need(name: &str, ports: Ports) -> Value {
    let publish = |ours: u16, theirs: u16| json!([format!("127.0.0.1:{ours}:{theirs}")]);
    let service = |service: &str, ours: u16, theirs: u16| json!({ "container_name": container_of(name, service).name(), "ports": publish(ours, theirs) });
    let store = |store: &str, ours: u16, theirs: u16| {
        let mut store = service(store, ours, theirs);
        // Nobody reads it here, and each check starts a process.
        store["healthcheck"] = json!({ "interval": "1h" });
        store
    };
    let operators = |service| ports.inside(service)[1];
    json!({ "services": {
        "secrets": { "container_name": container_of(name, "secrets").name() },
        "postgres": store("postgres", ports.postgres, 5432),
        "redis": store("redis", ports.redis, 6379),
        "auth-service": service("auth-service", ports.auth_admin, operators("auth-service")),
        "resource-service": service("resource-service", ports.resource_admin, operators("resource-service")),
    } })
}

/// The container of a service of a project, or of a replica.
pub(crate) fn container_of(project: &str, service: &str) -> Container {
    Container::named(&format!("{project}-{service}"))
}

/// A name that no project has.
pub(crate) fn new_name() -> String {
    format!("jeton-test-{}", &Uuid::new_v4().simple().to_string()[..12])
}

fn empty() -> MutexGuard<'static, Vec<Stores>> {
    EMPTY.lock().unwrap_or_else(PoisonError::into_inner)
}
