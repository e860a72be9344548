//! The two services as child processes.

use crate::commands;
use std::{env, net::TcpListener, path::Path, process::ExitStatus, time::Duration};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Requests under way may take 10 s to finish; after that, a service is killed.
const STOP: Duration = Duration::from_secs(15);

const START: Duration = Duration::from_secs(60);

/// What there is to know about a service before it runs.
pub(crate) struct Plan {
    /// The program.
    pub(crate) name: &'static str,
    /// Which address, the setting that changes it, and its default.
    addresses: [(&'static str, &'static str, &'static str); 2],
}

/// auth-service.
pub(crate) const AUTH: Plan = Plan {
    name: "auth-service",
    addresses: [
        ("public address", "AUTH_LISTEN", "127.0.0.1:8080"),
        ("admin address", "AUTH_ADMIN_LISTEN", "127.0.0.1:9080"),
    ],
};

/// resource-service.
pub(crate) const RESOURCE: Plan = Plan {
    name: "resource-service",
    addresses: [
        ("public address", "RESOURCE_LISTEN", "127.0.0.1:8081"),
        ("admin address", "RESOURCE_ADMIN_LISTEN", "127.0.0.1:9081"),
    ],
};

impl Plan {
    /// The address that clients use, as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address(0).replace("127.0.0.1", "localhost").replace("0.0.0.0", "localhost"))
    }

    /// The address for health.
    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.address(1).replace("0.0.0.0", "127.0.0.1"))
    }

    fn address(&self, index: usize) -> String {
        let (_, setting, default) = self.addresses[index];
        env::var(setting).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
    }

    /// Says which address is in use before anything is built or started.
    ///
    /// # Errors
    /// One sentence that names the address and the setting.
    pub(crate) fn check_addresses(&self) -> Result<(), String> {
        for (index, (what, setting, _)) in self.addresses.iter().enumerate() {
            let address = self.address(index);
            TcpListener::bind(&address).map_err(|error| {
                format!(
                    "{}'s {what} {address} cannot be used ({error}): stop what listens there, or set {setting}",
                    self.name
                )
            })?;
        }
        Ok(())
    }

    /// Starts the program, which logs to our own stderr.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn start(&self, binaries: &Path) -> Result<Running, String> {
        let mut command = Command::new(binaries.join(self.name));
        command.current_dir(commands::workspace()).kill_on_drop(true);
        let child = command.spawn().map_err(|error| format!("{} does not start: {error}", self.name))?;
        Ok(Running { name: self.name, health: format!("{}/health/ready", self.admin_url()), child })
    }
}

/// A started service.
pub(crate) struct Running {
    name: &'static str,
    health: String,
    child: Child,
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

    /// Waits for an end that nobody asked for.
    pub(crate) async fn death(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => self.died(status),
            Err(error) => format!("{} cannot be watched: {error}", self.name),
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
