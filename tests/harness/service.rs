//! One of the two services as a running process.

use crate::{
    binaries,
    command::Run,
    eventually,
    http::Http,
    process::Process,
    secrets::Secrets,
    sockets::{self, fresh_listener, listener_on, port_of},
};
use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);

/// How long a stop may take (DESIGN section 2: within 5 s when idle).
const STOP: Duration = Duration::from_secs(5);

/// A service: its calls are those of [`Http`], on the public address.
#[derive(Debug)]
pub struct Service {
    program: &'static str,
    directory: PathBuf,
    settings: BTreeMap<String, String>,
    log: PathBuf,
    http: Http,
    admin: Http,
    bound: Option<[TcpListener; 2]>,
    process: Option<Process>,
}

impl Deref for Service {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Service {
    /// Binds the sockets of a service that is not started yet. It will run in `directory`.
    pub(crate) fn new(program: &'static str, name: &str, directory: &Path, secrets: &Secrets) -> Self {
        let bound = [fresh_listener(), fresh_listener()];
        let [http, admin] = bound.each_ref().map(|listener| Http::to(port_of(listener), secrets.clone()));
        let admin = admin.undocumented();
        let prefix = if program == "auth-service" { "AUTH" } else { "RESOURCE" };
        let settings = BTreeMap::from([
            (format!("{prefix}_LISTEN"), format!("127.0.0.1:{}", http.port())),
            (format!("{prefix}_ADMIN_LISTEN"), format!("127.0.0.1:{}", admin.port())),
        ]);
        let log = directory.join(format!("{name}.log"));
        Self { program, directory: directory.to_owned(), settings, log, http, admin, bound: Some(bound), process: None }
    }

    /// The address for health and metrics.
    #[must_use]
    pub fn admin_address(&self) -> &Http {
        &self.admin
    }

    /// Changes a setting, from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a setting back, from the next start on.
    pub fn unset(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// The settings it is started with.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Starts and waits until it is ready.
    ///
    /// # Panics
    /// With its log, when it does not get ready.
    pub async fn start(&mut self) {
        self.spawn();
        self.ready(START).await;
    }

    /// Starts without waiting, for services that cannot get ready.
    ///
    /// # Panics
    /// When another process has taken its port.
    pub fn spawn(&mut self) {
        let listeners = self.bound.take().unwrap_or_else(|| {
            [&self.http, &self.admin].map(|http| listener_on(http.port()).expect("the port it had before is free"))
        });
        let mut command = Command::new(binaries::path_of(self.program));
        command.env_clear().envs(environment()).envs(&self.settings).current_dir(&self.directory);
        let handed_over = sockets::hand_over(&mut command, listeners.each_ref());
        self.process = Some(Process::start(self.program, command, &self.log, "KILL"));
        drop((handed_over, listeners));
    }

    /// Waits until `/health/ready` says 200.
    ///
    /// # Panics
    /// With its log, when it does not within `patience`.
    pub async fn ready(&mut self, patience: Duration) {
        let process = self.process.as_mut().expect("it was started");
        let admin = &self.admin;
        eventually(&format!("{} is ready", self.program), patience, || {
            if let Some(status) = process.ended() {
                panic!("{} ended with {status}\n{}", self.program, process.tail());
            }
            async { admin.get("/health/ready").try_send().await.ok().filter(|answer| answer.status == 200) }
        })
        .await;
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it takes longer than five seconds.
    pub fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it was started");
        process.signal(libc::SIGTERM);
        process.wait(STOP)
    }

    /// SIGKILL: nothing is finished or written out.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it in an orderly way and starts it again on the same address.
    ///
    /// # Panics
    /// When it does not stop or start.
    pub async fn restart(&mut self) {
        let status = self.stop();
        assert!(status.success(), "{} ended with {status}", self.program);
        self.start().await;
    }

    /// Freezes it: connections are accepted by the system and not answered.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self) {
        self.process.as_ref().expect("it was started").signal(libc::SIGSTOP);
    }

    /// Takes [`Service::pause`] back.
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self) {
        self.process.as_ref().expect("it was started").signal(libc::SIGCONT);
    }

    /// Everything it has logged, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// A subcommand of the same program with the same settings, in the same directory.
    pub fn command(&self, arguments: &[&str]) -> Run {
        Run::new(self.program, &self.directory, arguments).envs(&self.settings)
    }
}

/// What a service may see of our own environment: no setting of whoever runs the tests.
pub(crate) fn environment() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}
