//! A service as a process of this machine.

use crate::{
    binaries,
    command::Run,
    process::Process,
    runner::Runner,
    sockets::{self, listener_again, port_of},
};
use std::{
    collections::BTreeMap,
    fs, io,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

/// A service that runs in a directory of the stack, on sockets that are handed over.
#[derive(Debug)]
pub(crate) struct Local {
    program: &'static str,
    directory: PathBuf,
    log: PathBuf,
    ports: [u16; 2],
    /// Before the first start.
    bound: Option<[TcpListener; 2]>,
    process: Option<Process>,
    /// The soft and the hard limit.
    open_files: Option<[u64; 2]>,
}

impl Local {
    pub(crate) fn new(program: &'static str, name: &str, directory: &Path, bound: [TcpListener; 2]) -> Self {
        let log = directory.join(format!("{name}.log"));
        let ports = bound.each_ref().map(port_of);
        Self {
            program,
            directory: directory.to_owned(),
            log,
            ports,
            bound: Some(bound),
            process: None,
            open_files: None,
        }
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it was started")
    }
}

impl Runner for Local {
    fn start(&mut self, settings: &BTreeMap<String, String>) {
        let listeners = self.bound.take().unwrap_or_else(|| self.ports.map(listener_again));
        let mut command = Command::new(binaries::path_of(self.program));
        command.env_clear().envs(environment()).envs(settings).current_dir(&self.directory);
        if let Some([soft, hard]) = self.open_files {
            limit_open_files(&mut command, soft, hard);
        }
        let handed_over = sockets::hand_over(&mut command, listeners.each_ref());
        self.process = Some(Process::start(self.program, command, &self.log, "KILL"));
        drop((handed_over, listeners));
    }

    fn limit_open_files(&mut self, soft: u64, hard: u64) {
        self.open_files = Some([soft, hard]);
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(Process::ended)
    }

    fn process_id(&self) -> u32 {
        self.process().id()
    }

    fn stop(&mut self, patience: Duration) -> ExitStatus {
        let mut process = self.process.take().expect("it was started");
        process.signal(libc::SIGTERM);
        process.wait(patience)
    }

    fn kill(&mut self) {
        self.process = None;
    }

    fn pause(&self) {
        self.process().freeze();
    }

    fn resume(&self) {
        self.process().signal(libc::SIGCONT);
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Run {
        Run::new(self.program, &self.directory, arguments)
    }
}

fn limit_open_files(command: &mut Command, soft: u64, hard: u64) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    #[expect(unsafe_code, reason = "std cannot limit a child")]
    // SAFETY: setrlimit is async-signal-safe and reads nothing but `limit`.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// What a service may see of the environment: no setting of whoever runs the tests.
pub(crate) fn environment() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}
