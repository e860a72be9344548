//! Both services and what they need, for one test.

use crate::{
    forge::Issuer,
    http::Http,
    person::{Person, fresh_password},
    redis::Redis,
    secrets::Secrets,
    service::Service,
    storage::Storage,
    tokens::Transport,
    warden,
};
use std::{collections::BTreeMap, fs, path::Path, thread};
use tempfile::TempDir;

/// The e-mail address of the admin that every stack begins with.
const ADMIN_EMAIL: &str = "admin@example.org";

/// A running Jeton. When a test ends well, the logs are searched for secrets and panics: no test passes with one.
#[derive(Debug)]
pub struct Stack {
    /// auth-service.
    pub auth: Service,
    /// resource-service.
    pub resource: Service,
    redis: Option<Redis>,
    secrets: Secrets,
    admin_password: String,
    directory: TempDir,
}

/// A stack that is being described.
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct StackBuilder {
    storage: Storage,
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

    /// Starts everything and waits until it is ready.
    ///
    /// # Panics
    /// With the logs, when something does not start.
    pub async fn start(self) -> Stack {
        let mut stack = self.prepare();
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

    /// Starts the stores only.
    #[must_use]
    pub fn prepare(mut self) -> Stack {
        let directory = warden::new_directory("stack");
        let (secrets, admin_password) = (Secrets::default(), fresh_password());
        let redis = self.storage.prepare(&mut self.auth);
        let mut auth = Service::new("auth-service", "auth", directory.path(), &secrets);
        let mut resource = Service::new("resource-service", "resource", directory.path(), &secrets);
        let issuer = self.auth.get("AUTH_PUBLIC_URL").cloned().unwrap_or_else(|| auth.url());
        if issuer != auth.url() {
            resource.set("RESOURCE_JWKS_URL", &format!("{}/.well-known/jwks.json", auth.url()));
        }
        auth.set("AUTH_PUBLIC_URL", &issuer);
        auth.set("AUTH_ADMIN_EMAIL", ADMIN_EMAIL);
        auth.set("AUTH_ADMIN_PASSWORD", &admin_password);
        secrets.learn(&admin_password);
        resource.set("RESOURCE_ISSUER", &issuer);
        self.auth.iter().for_each(|(name, value)| auth.set(name, value));
        self.resource.iter().for_each(|(name, value)| resource.set(name, value));
        Stack { auth, resource, redis, secrets, admin_password, directory }
    }
}

impl Stack {
    /// A stack with this storage.
    pub fn on(storage: Storage) -> StackBuilder {
        StackBuilder { storage, auth: BTreeMap::new(), resource: BTreeMap::new() }
    }

    /// A stack with everything embedded and default settings.
    ///
    /// # Panics
    /// With the logs, when something does not start.
    pub async fn embedded() -> Self {
        Self::on(Storage::Embedded).start().await
    }

    /// Only resource-service runs, with the keys of `issuer` pinned in a file.
    ///
    /// # Panics
    /// With its log, when it does not start.
    pub async fn resource_alone(issuer: &Issuer) -> Self {
        let mut stack = Self::on(Storage::Embedded).prepare();
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
        let mut replica = Service::new("auth-service", "replica", self.directory(), &self.secrets);
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

    /// Where the services run and keep their files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What clients have sent and received and must never be logged or stored.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Ada, registered and logged in with a program: her refresh token travels in the body.
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

    /// Ada in a browser: her refresh token travels in a cookie.
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
            panic!("a secret stands in a log: {line}");
        }
    }
}
