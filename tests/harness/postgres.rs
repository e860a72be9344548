//! A real PostgreSQL: one server for the whole test process, with a fresh database for each stack.

use crate::{containers::Container, installation, process::Process, sockets, warden};
use std::{
    env, fs, io,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(30);

/// What makes a disposable server fast.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=300",
    "logging_collector=off",
];

static SHARED: Mutex<Option<Postgres>> = Mutex::new(None);

/// The URL of a fresh database on the server that all tests of this process share.
///
/// # Panics
/// When PostgreSQL is not installed or does not start.
#[must_use]
pub fn fresh_database() -> String {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.get_or_insert_with(Postgres::start).fresh_database()
}

/// As [`fresh_database`], with what a first start of auth-service leaves in one.
pub(crate) fn begun_database() -> String {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.get_or_insert_with(Postgres::start).begun_database()
}

/// Called once, when the test process ends.
pub(crate) fn stop_shared() {
    drop(SHARED.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    account: Option<(u32, u32)>,
    port: u16,
    process: Option<Process>,
    /// The name of the database that others are copied from.
    template: Option<String>,
}

impl Postgres {
    /// Starts a server without databases, for tests that stop it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, with the way to get it.
    #[must_use]
    pub fn start() -> Self {
        let directory = warden::new_directory("postgres");
        let account = account_to_run_as(directory.path());
        if let Some((user, group)) = account {
            std::os::unix::fs::chown(directory.path(), Some(user), Some(group)).expect("root may give files away");
        }
        let mut postgres = Self { directory, programs: programs(), account, port: 0, process: None, template: None };
        let mut initdb = postgres.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        run(initdb.arg(postgres.data())).expect("initdb makes an empty cluster");
        for _ in 0..5 {
            postgres.port = sockets::fresh_port();
            if postgres.try_start().is_ok() {
                return postgres;
            }
        }
        panic!("postgres does not start\n{}", postgres.process.map(|process| process.tail()).unwrap_or_default());
    }

    /// From now on, everybody but the superuser is asked for a password.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn ask_for_passwords(&self) {
        let rules =
            "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(self.data().join("pg_hba.conf"), rules).expect("our own directory");
        self.order("SELECT pg_reload_conf()");
    }

    /// Executes a statement that concerns the whole server.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn order(&self, statement: &str) {
        run(self.client("psql").args(["-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", statement]))
            .expect("psql does it");
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Panics
    /// When the server does not run.
    #[must_use]
    pub fn fresh_database(&self) -> String {
        self.new_database(&[])
    }

    fn new_database(&self, options: &[&str]) -> String {
        let name = format!("jeton_{}", Uuid::new_v4().simple());
        run(self.client("createdb").args(options).arg(&name)).expect("createdb makes a database");
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Makes a database with what a first start of auth-service leaves in one, and returns its URL.
    fn begun_database(&mut self) -> String {
        let template = match self.template.take() {
            Some(template) => template,
            None => {
                let url = self.fresh_database();
                installation::fill(&url);
                url.rsplit('/').next().unwrap_or_default().to_owned()
            }
        };
        let url = self.new_database(&["--template", &template]);
        self.template = Some(template);
        url
    }

    /// Everything in the database of that URL, as `pg_dump` writes it.
    ///
    /// # Panics
    /// When the server does not run.
    #[must_use]
    pub fn dump(url: &str) -> String {
        run(Command::new(programs().join("pg_dump")).arg(url)).expect("pg_dump writes the database out")
    }

    /// What the database of that URL answers, unformatted.
    ///
    /// # Panics
    /// When the database refuses it.
    #[must_use]
    pub fn query(url: &str, statement: &str) -> String {
        let answer = run(Command::new(programs().join("psql")).args([url, "-v", "ON_ERROR_STOP=1", "-Atc", statement]));
        answer.expect("psql answers").trim().to_owned()
    }

    /// Executes a statement in the database of that URL.
    ///
    /// # Panics
    /// When the database refuses it.
    pub fn execute(url: &str, statement: &str) {
        Self::try_execute(url, statement).expect("psql does it");
    }

    /// As [`Postgres::execute`].
    ///
    /// # Errors
    /// The database's reason for refusing it.
    pub(crate) fn try_execute(url: &str, statement: &str) -> Result<(), String> {
        run(Command::new(programs().join("psql")).args([url, "-v", "ON_ERROR_STOP=1", "-c", statement])).map(drop)
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the server again where it was, with what it held.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.try_start().expect("PostgreSQL finds its port still free");
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn try_start(&mut self) -> io::Result<()> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.directory.path()).args(["-p", &self.port.to_string()]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let process = Process::start("postgres", command, &self.directory.path().join("log"), "QUIT");
        self.process = Some(process);
        let until = Instant::now() + TIMEOUT;
        while run(&mut self.client("pg_isready")).is_err() {
            if self.process.as_mut().is_some_and(|process| process.ended().is_some()) || Instant::now() > until {
                return Err(io::Error::other("it does not answer"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.directory.path());
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    fn client(&self, program: &str) -> Command {
        let mut command = self.command(program);
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        command
    }
}

/// The PostgreSQL that a stack has for itself.
#[derive(Debug)]
pub enum OwnPostgres {
    /// A server on this machine.
    Local(Postgres),
    /// That of a project of docker-compose.
    #[expect(private_interfaces, reason = "made by stacks only")]
    Container(Container),
}

impl OwnPostgres {
    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        match self {
            Self::Local(postgres) => postgres.kill(),
            Self::Container(container) => container.kill(),
        }
    }

    /// Starts the server again where it was, with what it held.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        match self {
            Self::Local(postgres) => postgres.restart(),
            Self::Container(container) => {
                container.kill();
                container.start();
                let until = Instant::now() + TIMEOUT;
                while !container.does(&["pg_isready", "--quiet", "--host", "127.0.0.1"]) {
                    assert!(Instant::now() < until, "PostgreSQL does not answer\n{}", container.log());
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}

/// initdb and postgres refuse to run as root: then they run as the user that Debian's package creates.
pub(crate) fn account_to_run_as(ours: &Path) -> Option<(u32, u32)> {
    if fs::metadata(ours).expect("our own directory").uid() != 0 {
        return None;
    }
    let id = |flag: &str| -> Option<u32> { run(Command::new("id").args([flag, "postgres"])).ok()?.trim().parse().ok() };
    let account = id("-u").zip(id("-g"));
    assert!(account.is_some(), "there is no user `postgres`, and PostgreSQL does not run as root: `adduser postgres`");
    account
}

/// The directory with `initdb`, which is not in the PATH on Debian.
fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    debian
        .chain(env::split_paths(&path))
        .find(|directory| ["initdb", "postgres", "createdb"].iter().all(|program| directory.join(program).is_file()))
        .expect("PostgreSQL is missing: `apt-get install postgresql` (Debian), `brew install postgresql` (macOS)")
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr)))
}
