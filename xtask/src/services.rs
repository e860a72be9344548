//! The two services as child processes.

use crate::{addresses::Addresses, commands::workspace};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Requests under way may take 10 s to finish; after that, a service is killed.
const STOP: Duration = Duration::from_secs(15);

const START: Duration = Duration::from_secs(60);

/// How long an answer about health may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A service before it runs: in the workspace, with the settings of whoever called. It logs to our own stderr.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    name: &'static str,
    program: PathBuf,
    /// Where its health is.
    admin: SocketAddr,
    settings: BTreeMap<String, String>,
}

impl Plan {
    /// auth-service, then resource-service.
    pub(crate) fn of_both(binaries: &Path, addresses: &Addresses) -> [Self; 2] {
        let settings = addresses.settings();
        let [auth, resource] = addresses.admin();
        let plan = |name, admin, prefix: &str| Self {
            name,
            program: binaries.join(name),
            admin,
            settings: settings.iter().filter(|(name, _)| name.starts_with(prefix)).cloned().collect(),
        };
        [plan("auth-service", auth, "AUTH_"), plan("resource-service", resource, "RESOURCE_")]
    }

    /// The file that holds its process id while `up` runs it.
    fn id_file(&self) -> PathBuf {
        workspace().join(format!("data/{}.pid", self.name))
    }

    /// How to start it by hand, as it is started here.
    pub(crate) fn by_hand(&self) -> String {
        let settings = self.settings.iter().map(|(name, value)| format!("{name}={value} "));
        format!("{}{}", settings.collect::<String>(), self.program.display())
    }

    /// Starts the program.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn start(&self) -> Result<Running, String> {
        let failed = |error: std::io::Error| format!("{} does not start: {error}", self.name);
        let mut command = Command::new(&self.program);
        let child = command.kill_on_drop(true).current_dir(workspace()).envs(&self.settings).spawn().map_err(failed)?;
        let id_file = self.id_file();
        if let Some(id) = child.id() {
            // As the services make it: for their owner alone.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(workspace().join("data"));
            made.and_then(|()| fs::write(&id_file, id.to_string())).map_err(failed)?;
        }
        Ok(Running { name: self.name, admin: self.admin, child, id_file })
    }
}

/// A started service.
pub(crate) struct Running {
    name: &'static str,
    admin: SocketAddr,
    child: Child,
    id_file: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.id_file));
    }
}

impl Running {
    /// Waits until it is ready.
    ///
    /// # Errors
    /// One sentence: it ended, or takes too long.
    pub(crate) async fn ready(&mut self) -> Result<(), String> {
        let until = Instant::now() + START;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.died(status));
            }
            if is_healthy(self.admin).await {
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

    /// Waits for an end that xtask did not ask for: somebody else has stopped it cleanly.
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

/// Whether a service that listens there for operators is ready.
async fn is_healthy(admin: SocketAddr) -> bool {
    let host = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let status = timeout(ANSWER, status_of("/health/ready", SocketAddr::new(host, admin.port()))).await;
    status.is_ok_and(|status| status.is_ok_and(|status| status == "200"))
}

/// The status of an answer. A request in a few lines, since `up` must not wait for an HTTP client to be built.
async fn status_of(path: &str, address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.split_whitespace().nth(1).unwrap_or_default().to_owned())
}
