//! One of the two services, running.

use crate::{
    command::Run,
    containers::{ContainerOf, Project},
    eventually,
    http::Http,
    local::Local,
    runner::Runner,
    secrets::Secrets,
    sockets::{fresh_listener, port_of},
};
use serde_json::Value;
use std::{collections::BTreeMap, ops::Deref, path::Path, process::ExitStatus, sync::Arc, time::Duration};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);

/// How long a stop may take, with requests under way and on a busy machine.
const STOP: Duration = Duration::from_secs(20);

/// A service: its calls are those of [`Http`], on the public address.
#[derive(Debug)]
pub struct Service {
    program: &'static str,
    settings: BTreeMap<String, String>,
    http: Http,
    admin: Http,
    runner: Box<dyn Runner>,
}

impl Deref for Service {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Service {
    /// Binds the sockets of a service that is not started yet. It will run in `directory`.
    pub(crate) fn local(program: &'static str, name: &str, directory: &Path, secrets: &Secrets) -> Self {
        let bound = [fresh_listener(), fresh_listener()];
        let [public, admin] = bound.each_ref().map(port_of);
        let mut service = Self::at([public, admin], program, secrets, Local::new(program, name, directory, bound));
        service.set(&setting(program, "LISTEN"), &format!("127.0.0.1:{public}"));
        service.set(&setting(program, "ADMIN_LISTEN"), &format!("127.0.0.1:{admin}"));
        service
    }

    /// A service of a project that is not started yet.
    pub(crate) fn in_container(program: &'static str, project: &Arc<Project>, secrets: &Secrets) -> Self {
        let ports = project.ports_of(program);
        Self::at(ports, program, secrets, ContainerOf::service(project, program))
    }

    /// A second container of a service of a project.
    pub(crate) fn replica_in_container(program: &'static str, project: &Arc<Project>, secrets: &Secrets) -> Self {
        let ports = [fresh_listener(), fresh_listener()].each_ref().map(port_of);
        Self::at(ports, program, secrets, ContainerOf::replica(project, program, ports))
    }

    fn at(ports: [u16; 2], program: &'static str, secrets: &Secrets, runner: impl Runner + 'static) -> Self {
        let [http, admin] = ports.map(|port| Http::to(port, secrets.clone()));
        let admin = admin.undocumented();
        Self { program, settings: BTreeMap::new(), http, admin, runner: Box::new(runner) }
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

    /// Removes a setting, from the next start on.
    pub fn unset(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// Sets the soft and the hard limit of open files, from the next start on.
    ///
    /// # Panics
    /// In a container.
    pub fn limit_open_files(&mut self, soft: u64, hard: u64) {
        self.runner.limit_open_files(soft, hard);
    }

    /// The name of its program.
    #[must_use]
    pub fn program(&self) -> &'static str {
        self.program
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
        self.runner.start(&self.settings);
    }

    /// Waits until `/health/ready` answers 200.
    ///
    /// # Panics
    /// With its log, when it does not within `patience`.
    pub async fn ready(&mut self, patience: Duration) {
        let (admin, runner, mut asked) = (&self.admin, &mut self.runner, 0);
        eventually(&format!("{} is ready", self.program), patience, || {
            asked += 1;
            // Not each time: of a container, that is a question for the engine.
            if let Some(status) = (asked % 10 == 0).then(|| runner.ended()).flatten() {
                panic!("{} ended with {status}\n{}", self.program, runner.log());
            }
            async { admin.get("/health/ready").try_send().await.ok().filter(|answer| answer.status == 200) }
        })
        .await;
    }

    /// The id of its process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.runner.process_id()
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it takes longer than 20 seconds.
    pub fn stop(&mut self) -> ExitStatus {
        self.runner.stop(STOP)
    }

    /// SIGKILL: nothing is finished or written out.
    pub fn kill(&mut self) {
        self.runner.kill();
    }

    /// Stops it cleanly and starts it again on the same address.
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
        self.runner.pause();
    }

    /// Undoes [`Service::pause`].
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self) {
        self.runner.resume();
    }

    /// Everything it has logged, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.runner.log()
    }

    /// The mails to an address that the mailbox holds, the newest first. What their codes let in must never be logged.
    ///
    /// # Panics
    /// When the mailbox is not shown.
    pub async fn mails(&self, to: &str) -> Vec<Value> {
        let shown = self.admin.get("/mailbox").header("accept", "application/json").send().await;
        let mails: Vec<Value> = if shown.status == 403 {
            // In a container, which is another machine.
            self.mails_by_command(to).await
        } else {
            let mails = shown.expect(200)["mails"].as_array().expect("a list").clone();
            mails.into_iter().filter(|mail| mail["to"] == to).collect()
        };
        let words = mails.iter().filter_map(|mail| mail["text"].as_str()).flat_map(str::split_whitespace);
        words.filter(|word| is_code(word)).for_each(|code| self.http.secrets().learn(code));
        mails
    }

    async fn mails_by_command(&self, to: &str) -> Vec<Value> {
        let listed = self.reported(&["mail", "list", "--json"]).await;
        let mut mails = Vec::new();
        for mail in listed["mails"].as_array().expect("a list") {
            if mail["to"] == to && mail["state"] == "kept" {
                let id = mail["id"].as_str().expect("an id");
                mails.push(self.reported(&["mail", "show", id, "--json"]).await);
            }
        }
        mails
    }

    async fn reported(&self, command: &[&str]) -> Value {
        let ended = self.command(command).ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.output).expect("--json prints JSON")
    }

    /// A subcommand of the same program with the same settings, in the same directory.
    pub fn command(&self, arguments: &[&str]) -> Run {
        self.runner.command(arguments).envs(&self.settings)
    }
}

/// `XXXX-XXXX`
fn is_code(word: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    word.len() == 9 && word.as_bytes()[4] == b'-' && word.bytes().filter(is_letter).count() == 8
}

fn setting(program: &str, name: &str) -> String {
    format!("{}_{name}", if program == "auth-service" { "AUTH" } else { "RESOURCE" })
}
