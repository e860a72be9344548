//! The two services as child processes.

use crate::{addresses::Addresses, commands::workspace};
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs::{self, DirBuilder, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Requests under way may take 10 s to finish; after that, a service is killed.
const STOP: Duration = Duration::from_secs(15);

const START: Duration = Duration::from_secs(60);

/// A service before it runs.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    name: &'static str,
    program: PathBuf,
    /// Its health, on the admin address.
    health: String,
    settings: BTreeMap<String, String>,
    surroundings: Surroundings,
}

/// Where a service runs and what it sees.
#[derive(Debug, Clone)]
pub(crate) enum Surroundings {
    /// In the workspace, with the settings of whoever called; it logs to our own stderr.
    Ours,
    /// In a directory of its own, with no settings but those that are given; it logs to a file there.
    Own(PathBuf),
}

impl Plan {
    /// auth-service, then resource-service.
    pub(crate) fn of_both(binaries: &Path, addresses: &Addresses, surroundings: &Surroundings) -> [Self; 2] {
        let settings = addresses.settings();
        let healths = addresses.admin_urls().map(|url| format!("{url}/health/ready"));
        let [auth, resource] = ["auth-service", "resource-service"].map(|name| binaries.join(name));
        let [auth_health, resource_health] = healths;
        let plan = |name, program, health, prefix: &str| Self {
            name,
            program,
            health,
            settings: settings.iter().filter(|(name, _)| name.starts_with(prefix)).cloned().collect(),
            surroundings: surroundings.clone(),
        };
        [
            plan("auth-service", auth, auth_health, "AUTH_"),
            plan("resource-service", resource, resource_health, "RESOURCE_"),
        ]
    }

    /// The file in which its process id stands while `up` runs it.
    fn id_file(&self) -> PathBuf {
        workspace().join(format!("data/{}.pid", self.name))
    }

    /// How to start it by hand, as it is started here.
    pub(crate) fn by_hand(&self) -> String {
        let settings = self.settings.iter().map(|(name, value)| format!("{name}={value} "));
        format!("{}{}", settings.collect::<String>(), self.program.display())
    }

    /// Adds a setting.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.settings.insert(name.to_owned(), value);
    }

    /// Starts the program.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn start(&self) -> Result<Running, String> {
        let failed = |error: std::io::Error| format!("{} does not start: {error}", self.name);
        let mut command = Command::new(&self.program);
        command.kill_on_drop(true);
        match &self.surroundings {
            Surroundings::Ours => {
                command.current_dir(workspace());
            }
            Surroundings::Own(directory) => {
                let log = directory.join(format!("{}.log", self.name));
                let log = File::options().create(true).append(true).open(log).map_err(failed)?;
                command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
                for name in settings_of_the_caller() {
                    command.env_remove(name);
                }
            }
        }
        let child = command.envs(&self.settings).spawn().map_err(failed)?;
        let id_file = matches!(self.surroundings, Surroundings::Ours).then(|| self.id_file());
        if let (Some(file), Some(id)) = (&id_file, child.id()) {
            // As the services make it: for their owner alone.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(workspace().join("data"));
            made.and_then(|()| fs::write(file, id.to_string())).map_err(failed)?;
        }
        Ok(Running { name: self.name, health: self.health.clone(), child, id_file })
    }
}

/// The settings of either service that stand in our environment.
fn settings_of_the_caller() -> impl Iterator<Item = OsString> {
    let is_setting = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("AUTH_") || name.starts_with("RESOURCE_")
    };
    env::vars_os().map(|(name, _)| name).filter(move |name| is_setting(name))
}

/// A started service.
pub(crate) struct Running {
    name: &'static str,
    health: String,
    child: Child,
    id_file: Option<PathBuf>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(file) = &self.id_file {
            drop(fs::remove_file(file));
        }
    }
}

impl Running {
    /// Waits until it is ready.
    ///
    /// # Errors
    /// One sentence: it ended, or takes too long.
    pub(crate) async fn ready(&mut self, client: &reqwest::Client) -> Result<(), String> {
        let until = Instant::now() + START;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.died(status));
            }
            if client.get(&self.health).send().await.is_ok_and(|answer| answer.status() == 200) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("{} is not ready after {} s: see its log", self.name, START.as_secs()));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Waits for an end that we did not ask for: somebody else has stopped it in an orderly way.
    ///
    /// # Errors
    /// One sentence, when it failed.
    pub(crate) async fn end(&mut self) -> Result<(), String> {
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.died(status)),
            Err(error) => Err(format!("{} cannot be watched: {error}", self.name)),
        }
    }

    fn died(&self, status: ExitStatus) -> String {
        format!("{} ended by itself ({status}): see its log", self.name)
    }

    /// Asks it to stop and waits for the end.
    ///
    /// # Errors
    /// One sentence, if it had to be killed or ended badly.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let Some(pid) = self.child.id() else { return Ok(()) };
        let pid = i32::try_from(pid).map_err(|_| "process ids are small numbers".to_owned())?;
        #[expect(unsafe_code, reason = "neither std nor tokio can send SIGTERM")]
        // SAFETY: the child has not been waited for, or it would have no id; so the id is its own.
        unsafe {
            libc::kill(pid, libc::SIGTERM);
        }
        match timeout(STOP, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{} ended with {status}", self.name)),
            Ok(Err(error)) => Err(format!("{} cannot be waited for: {error}", self.name)),
            Err(_) => Err(format!("{} had to be killed: it did not stop within {} s", self.name, STOP.as_secs())),
        }
    }
}

/// A client for plain HTTP on this machine: no proxy, and no need for installed certificates.
pub(crate) fn client() -> Result<reqwest::Client, String> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(10)).build();
    client.map_err(|error| format!("no HTTP client: {error}"))
}
