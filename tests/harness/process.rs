//! One child process, its log and its signals.

use crate::warden;
use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How many bytes of a log are shown when a test fails.
const TAIL: usize = 6 * 1024;

/// A running child. Dropping it kills it; when a test is failing, the end of its log is printed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    last_resort: &'static str,
}

impl Process {
    /// Starts `command`, whose output is appended to `log`. `last_resort` is the signal (`KILL`, `QUIT`) that ends it
    /// at once.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command, log: &Path, last_resort: &'static str) -> Self {
        let output = File::options().create(true).append(true).open(log).expect("a log in our own directory");
        let errors = output.try_clone().expect("a file can be shared");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        warden::watch(last_resort, child.id());
        Self { name: name.to_owned(), child, log: log.to_owned(), last_resort }
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process does not exist any more.
    pub fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("process ids are positive and small");
        #[expect(unsafe_code, reason = "kill(2) has no safe form in std")]
        // SAFETY: the child has not been waited for, so the id is still its own.
        let sent = unsafe { libc::kill(pid, signal) };
        assert_eq!(sent, 0, "{} cannot be signalled", self.name);
    }

    /// SIGSTOP, and waits until it has stopped: until then, any of its threads may go on.
    ///
    /// # Panics
    /// When the process does not exist any more.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        #[expect(unsafe_code, reason = "waitid(2) has no safe form in std")]
        // SAFETY: the record is plain data that the call fills; WNOWAIT leaves the child to be waited for by its owner.
        let waited = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let whatever = libc::WSTOPPED | libc::WEXITED | libc::WNOWAIT;
            libc::waitid(libc::P_PID, self.child.id(), &mut info, whatever)
        };
        assert_eq!(waited, 0, "{} is our own child", self.name);
    }

    /// How the process ended, if it has.
    ///
    /// # Panics
    /// Never: it is our own child.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When the process is still there after `patience`; its log is shown.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < until, "{} still runs after {patience:?}\n{}", self.name, self.tail());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end of the log.
    #[must_use]
    pub fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(TAIL)..];
        format!("--- the end of the log of {} ---\n{}---", self.name, String::from_utf8_lossy(tail))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = self.child.id();
        let ended = self.ended();
        if thread::panicking() {
            eprintln!("{}", self.tail());
        }
        if ended.is_none() {
            self.signal(if self.last_resort == "QUIT" { libc::SIGQUIT } else { libc::SIGKILL });
            drop(self.child.wait());
        } else if let Some(signal) = ended.and_then(|status| status.signal()).filter(|signal| *signal != libc::SIGKILL)
        {
            eprintln!("{} was ended by signal {signal}", self.name);
        }
        warden::forget(self.last_resort, pid);
    }
}
