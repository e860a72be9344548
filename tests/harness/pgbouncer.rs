//! A real PgBouncer in front of a PostgreSQL.

use crate::{postgres::account_to_run_as, process::Process, sockets, warden};
use std::{
    fs,
    net::TcpStream,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A PgBouncer, without passwords.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _process: Process,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts one in front of the server that the URL names. `settings` are lines of its file.
    ///
    /// # Panics
    /// When it is not installed, with the way to get it.
    #[must_use]
    pub fn before(url: &str, settings: &str) -> Self {
        let server = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).expect("a URL with a port");
        let directory = warden::new_directory("pgbouncer");
        let port = sockets::fresh_port();
        let file = directory.path().join("pgbouncer.ini");
        let lines = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n{settings}\n"
        );
        fs::write(&file, lines).expect("our own directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
        let mut command = Command::new(program());
        if let Some((user, group)) = account_to_run_as(directory.path()) {
            command.uid(user).gid(group);
        }
        command.current_dir("/").arg(&file);
        let mut process = Process::start("pgbouncer", command, &directory.path().join("log"), "KILL");
        let until = Instant::now() + TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let is_in_time = process.ended().is_none() && Instant::now() < until;
            assert!(is_in_time, "pgbouncer does not start\n{}", process.tail());
            thread::sleep(Duration::from_millis(10));
        }
        Self { port, _process: process, _directory: directory }
    }

    /// A database's URL, through it.
    ///
    /// # Panics
    /// When the URL names no database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let name = database.rsplit('/').next().expect("a URL with a database");
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }
}

/// On Debian, it is not in the PATH of ordinary users.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
        .expect("PgBouncer is missing: `apt-get install pgbouncer` (Debian), `brew install pgbouncer` (macOS)")
}
