//! Both services and what they need, for one test.

use crate::{
    containers::{self, Project},
    forge::Issuer,
    http::Http,
    installation,
    person::{Person, fresh_password},
    postgres::{self, OwnPostgres, Postgres},
    redis::Redis,
    secrets::Secrets,
    service::Service,
    storage::{Storage, random_secret},
    tokens::Transport,
    warden,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};
use tempfile::TempDir;

/// The e-mail address of the admin that every stack begins with.
const ADMIN_EMAIL: &str = "admin@example.org";

/// A running Jeton. When a test succeeds, the logs are searched for secrets and panics: no test passes with one.
#[derive(Debug)]
pub struct Stack {
    /// auth-service.
    pub auth: Service,
    /// resource-service.
    pub resource: Service,
    redis: Option<Redis>,
    postgres: Option<OwnPostgres>,
    secrets: Secrets,
    admin_password: String,
    /// Only in containers.
    project: Option<Arc<Project>>,
    directory: TempDir,
}

/// A stack that is being described.
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct StackBuilder {
    storage: Storage,
    has_own_postgres: bool,
    begins_with_nothing: bool,
    auth: BTreeMap<String, String>,
    resource: BTreeMap<String, String>,
}

impl StackBuilder {
    /// A setting of auth-service.
    pub fn auth(mut self, name: &str, value: &str) -> Self {
        self.auth.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A setting of resource-service.
    pub fn resource(mut self, name: &str, value: &str) -> Self {
        self.resource.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Lets one address, account and session ask for as much as they can: for tests that are about something else.
    pub fn unlimited(self) -> Self {
        let limits = ["REGISTRATIONS", "LOGINS", "LOGINS_PER_ACCOUNT", "REFRESHES", "REFRESHES_PER_SESSION"];
        limits.iter().fold(self, |stack, limit| stack.auth(&format!("AUTH_LIMIT_{limit}"), "off"))
    }

    /// Starts everything and waits until it is ready.
    ///
    /// # Panics
    /// With the logs, when something does not start.
    pub async fn start(self) -> Stack {
        let mut stack = self.prepare();
        if stack.project.is_some() {
            // One gets ready while the other one is made.
            stack.auth.spawn();
            stack.resource.spawn();
        }
        stack.auth.start().await;
        stack.resource.start().await;
        stack
    }

    /// Starts all but resource-service, and waits until it is ready.
    ///
    /// # Panics
    /// With the log, when auth-service does not start.
    pub async fn start_auth(self) -> Stack {
        let mut stack = self.prepare();
        stack.auth.start().await;
        stack
    }

    /// Gives it its own PostgreSQL, which a test may disturb: [`Stack::postgres`].
    pub fn with_own_postgres(self) -> Self {
        Self { has_own_postgres: true, ..self }
    }

    /// Begins with nothing, as before the first start: for tests of that start. Others begin after it.
    pub fn before_the_first_start(self) -> Self {
        Self { begins_with_nothing: true, ..self }
    }

    /// Makes the test a trusted proxy of auth-service: it may send any client's address.
    pub fn trusting_us(self) -> Self {
        // The gateway of a project's network has one of the other addresses.
        let us = if containers::are_used() { "127.0.0.1,172.16.0.0/12,192.168.0.0/16" } else { "127.0.0.1" };
        self.auth("AUTH_TRUSTED_PROXIES", us)
    }

    /// Starts the stores only.
    #[must_use]
    pub fn prepare(self) -> Stack {
        let directory = warden::new_directory("stack");
        let (secrets, admin_password) = (Secrets::default(), fresh_password());
        secrets.learn(&admin_password);
        let mut stack = if containers::are_used() {
            self.in_containers(directory, secrets, admin_password)
        } else {
            self.in_processes(directory, secrets, admin_password)
        };
        let issuer = self.auth.get("AUTH_PUBLIC_URL").cloned().unwrap_or_else(|| stack.auth.url());
        if issuer != stack.auth.url() && stack.project.is_none() {
            stack.resource.set("RESOURCE_JWKS_URL", &format!("{}/.well-known/jwks.json", stack.auth.url()));
        }
        stack.auth.set("AUTH_PUBLIC_URL", &issuer);
        stack.auth.set("AUTH_ADMIN_EMAIL", ADMIN_EMAIL);
        stack.auth.set("AUTH_ADMIN_PASSWORD", &stack.admin_password);
        stack.resource.set("RESOURCE_ISSUER", &issuer);
        self.auth.iter().for_each(|(name, value)| stack.auth.set(name, value));
        self.resource.iter().for_each(|(name, value)| stack.resource.set(name, value));
        stack
    }

    /// Whether it begins before the first start of auth-service.
    fn begins_with_nothing(&self) -> bool {
        self.begins_with_nothing || self.auth.keys().any(|name| installation::is_shaped_by(name))
    }

    fn in_containers(&self, directory: TempDir, secrets: Secrets, admin_password: String) -> Stack {
        let project = Project::new(directory.path());
        if self.begins_with_nothing() {
            project.empty_database();
        }
        Stack {
            auth: Service::in_container("auth-service", &project, &secrets),
            resource: Service::in_container("resource-service", &project, &secrets),
            redis: Some(Redis::of(&project)),
            postgres: Some(OwnPostgres::Container(project.container("postgres"))),
            secrets,
            admin_password,
            project: Some(project),
            directory,
        }
    }

    fn in_processes(&self, directory: TempDir, secrets: Secrets, admin_password: String) -> Stack {
        let begins_with_nothing = self.begins_with_nothing();
        let mut auth = Service::local("auth-service", "auth", directory.path(), &secrets);
        let resource = Service::local("resource-service", "resource", directory.path(), &secrets);
        let redis = (self.storage != Storage::Embedded).then(Redis::start);
        let own_postgres = self.has_own_postgres.then(Postgres::start);
        if let Some(redis) = &redis {
            auth.set("AUTH_REDIS_URL", &redis.url());
            let secret = if begins_with_nothing { random_secret() } else { installation::secret().to_owned() };
            auth.set("AUTH_SECRET", &secret);
        }
        match (self.storage, &own_postgres) {
            (Storage::RedisAndPostgres, Some(own)) => auth.set("AUTH_DATABASE_URL", &own.fresh_database()),
            (Storage::RedisAndPostgres, None) if begins_with_nothing => {
                auth.set("AUTH_DATABASE_URL", &postgres::fresh_database());
            }
            (Storage::RedisAndPostgres, None) => auth.set("AUTH_DATABASE_URL", &postgres::begun_database()),
            (Storage::Embedded | Storage::RedisAndSqlite, _) if begins_with_nothing => {}
            (Storage::Embedded | Storage::RedisAndSqlite, _) => installation::copy_into(directory.path()),
        }
        let postgres = own_postgres.map(OwnPostgres::Local);
        Stack { auth, resource, redis, postgres, secrets, admin_password, project: None, directory }
    }
}

impl Stack {
    /// A stack with this storage.
    ///
    /// # Panics
    /// When stacks run in containers, which have another one.
    pub fn on(storage: Storage) -> StackBuilder {
        let is_possible = storage == Storage::RedisAndPostgres || !containers::are_used();
        assert!(is_possible, "docker-compose.yml has no {storage:?}: this test runs with processes only");
        StackBuilder {
            storage,
            has_own_postgres: false,
            begins_with_nothing: false,
            auth: BTreeMap::new(),
            resource: BTreeMap::new(),
        }
    }

    /// A stack for what is the same with every storage: what starts fastest, which is everything embedded, except in
    /// containers.
    pub fn any() -> StackBuilder {
        Self::on(if containers::are_used() { Storage::RedisAndPostgres } else { Storage::Embedded })
    }

    /// Only resource-service runs, with the keys of `issuer` pinned in a file.
    ///
    /// # Panics
    /// With its log, when it does not start.
    pub async fn resource_alone(issuer: &Issuer) -> Self {
        let mut stack = Self::any().prepare();
        let keys = stack.directory().join("pinned.json");
        fs::write(&keys, issuer.key_set().to_string()).expect("our own directory");
        stack.resource.set("RESOURCE_ISSUER", issuer.url());
        stack.resource.set("RESOURCE_JWKS_FILE", &keys.to_string_lossy());
        stack.resource.start().await;
        stack
    }

    /// A second auth-service with the same settings, behind the same stores.
    ///
    /// # Panics
    /// With its log, when it does not start.
    pub async fn replica(&self) -> Service {
        let mut replica = match &self.project {
            Some(project) => Service::replica_in_container("auth-service", project, &self.secrets),
            None => Service::local("auth-service", "replica", self.directory(), &self.secrets),
        };
        let own = replica.settings().clone();
        for (name, value) in self.auth.settings().iter().filter(|(name, _)| !own.contains_key(*name)) {
            replica.set(name, value);
        }
        replica.start().await;
        replica
    }

    /// Redis.
    ///
    /// # Panics
    /// When the stack has none.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("this stack has a Redis")
    }

    /// Redis, to be disturbed while the rest of the stack is used. It ends when it is dropped.
    ///
    /// # Panics
    /// When the stack has none.
    pub fn take_redis(&mut self) -> Redis {
        self.redis.take().expect("this stack has a Redis")
    }

    /// PostgreSQL, to be disturbed: see [`StackBuilder::with_own_postgres`].
    ///
    /// # Panics
    /// When the stack has only the shared one.
    pub fn postgres(&mut self) -> &mut OwnPostgres {
        if let Some(project) = &self.project {
            project.disturb();
        }
        self.postgres.as_mut().expect("this stack has a PostgreSQL of its own")
    }

    /// The PostgreSQL database of auth-service, as a client on this machine names it.
    #[must_use]
    pub fn postgres_url(&self) -> Option<String> {
        match &self.project {
            Some(project) => Some(project.database_url()),
            None => self.auth.settings().get("AUTH_DATABASE_URL").cloned(),
        }
    }

    /// The root secret that the stack was given.
    ///
    /// # Panics
    /// When auth-service made it by itself: a stack with everything embedded.
    #[must_use]
    pub fn root_secret(&self) -> String {
        match &self.project {
            Some(project) => project.container("auth-service").run(&["cat", "/secrets/secret"]).trim().to_owned(),
            None => self.auth.settings()["AUTH_SECRET"].clone(),
        }
    }

    /// The address of the test, as the services see it.
    #[must_use]
    pub fn our_address(&self) -> String {
        self.project.as_ref().map_or_else(|| "127.0.0.1".to_owned(), |project| project.our_address())
    }

    /// The name of the container of a service of `docker-compose.yml`.
    ///
    /// # Panics
    /// When the stack does not run in containers.
    #[must_use]
    pub fn container(&self, service: &str) -> String {
        self.project().container(service).name().to_owned()
    }

    /// What the health check of a service of `docker-compose.yml` says.
    ///
    /// # Panics
    /// When the stack does not run in containers.
    #[must_use]
    pub fn health(&self, service: &str) -> String {
        self.project().container(service).health()
    }

    /// Whether a command succeeds in the container of a service.
    ///
    /// # Panics
    /// When the stack does not run in containers.
    #[must_use]
    pub fn does_in(&self, service: &str, command: &[&str]) -> bool {
        self.project().container(service).does(command)
    }

    fn project(&self) -> &Project {
        self.project.as_ref().expect("this stack runs in containers")
    }

    /// A directory that the services see under the same path; without containers, they also run in it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The files that the services keep, or a copy of them as they are now.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        let data = self.directory().join("data");
        if let Some(project) = &self.project {
            fs::create_dir_all(&data).expect("our own directory");
            for service in ["auth-service", "resource-service"] {
                project.container(service).copy_out("/var/lib/jeton/data/.", &data.to_string_lossy());
            }
        }
        data
    }

    /// What clients have sent and received and must never be logged or stored.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Ada, registered and logged in with a program: her refresh token is in the body.
    pub async fn ada(&self) -> Person {
        self.person("ada").await
    }

    /// Bob, as [`Stack::ada`].
    pub async fn bob(&self) -> Person {
        self.person("bob").await
    }

    /// Anybody, as [`Stack::ada`].
    pub async fn person(&self, name: &str) -> Person {
        Person::new(&self.auth, name, Transport::Body).await
    }

    /// Ada in a browser: her refresh token is in a cookie.
    pub async fn ada_in_a_browser(&self) -> Person {
        Person::new(&self.auth, "ada", Transport::Cookie).await
    }

    /// The admin that the stack began with, logged in.
    pub async fn admin(&self) -> Person {
        let auth: &Http = &self.auth;
        Person::registered(auth, ADMIN_EMAIL, &self.admin_password).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let logs = format!("{}{}", self.auth.log(), self.resource.log());
        assert!(!logs.contains("panicked at"), "a service panicked\n{logs}");
        if let Some(secret) = self.secrets.found_in(&logs) {
            let line = logs.lines().find(|line| line.contains(&secret)).unwrap_or_default();
            panic!("a secret is in a log: {line}");
        }
    }
}
