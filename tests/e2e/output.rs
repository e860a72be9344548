//! Logs and output that nobody reads or that cannot be written: nothing else is lost.

use crate::metrics::counted;
use harness::{Stack, Storage, binaries, eventually, service::Service};
use std::{
    ffi::OsStr,
    fs::File,
    io::pipe,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(30);

on_every_storage! {
    a_log_that_cannot_be_written_loses_nothing_else,
}

/// On a full disk, and with a log shipper that has gone.
async fn a_log_that_cannot_be_written_loses_nothing_else(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    stack.auth.stop();
    let (gone, shipper) = pipe().expect("a pipe");
    drop(gone);
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    for log in [Stdio::from(full), Stdio::from(shipper)] {
        let _running = Running::start(&stack, log, "info").await;
        let ada = stack.ada().await;
        let admin = stack.admin().await;
        stack.auth.logout(&ada.tokens).await.expect(204);
        let audit = stack.auth.get("/admin/audit").bearer(&admin.tokens.access).send().await.expect(200);
        assert!(audit.body.contains("\"logout\""), "the audit log goes on: {audit}");
        assert!(counted(&stack.auth, "log_lines_lost_total").await > 0.0);
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_blocks_no_request() {
    let mut stack = Stack::any().start().await;
    stack.auth.stop();
    let (_unread, log) = pipe().expect("a pipe");
    let _running = Running::start(&stack, Stdio::from(log), "trace").await;
    let ada = stack.ada().await;
    eventually("lines are lost", TIMEOUT, async || {
        for _ in 0..50 {
            stack.auth.me(&ada.tokens).await.expect(200);
        }
        (counted(&stack.auth, "log_lines_lost_total").await > 0.0).then_some(())
    })
    .await;
    stack.ada().await;
}

#[tokio::test]
async fn commands_end_quietly_when_nobody_reads_what_they_print() {
    let stack = Stack::any().start().await;
    let commands: [&[&str]; 6] =
        [&["keys", "list"], &["doctor"], &["secret"], &["--help"], &["--version"], &["sessions", "end-all"]];
    for arguments in commands {
        let (gone, output) = pipe().expect("a pipe");
        drop(gone);
        let mut command = program(&stack.auth, stack.directory());
        command.args(arguments).stdout(output).stderr(Stdio::piped());
        let ended = command.output().expect("it runs");
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(!errors.contains("panicked") && ended.status.code() != Some(101), "{arguments:?}: {errors}");
        assert!(ended.status.success() || arguments == ["doctor"], "{arguments:?}: {}: {errors}", ended.status);
    }
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let mut command = program(&stack.auth, stack.directory());
    let ended = command.args(["keys", "list"]).stdout(full).stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(1), "the output was lost");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot write to standard output"), "{ended:?}");
}

#[tokio::test]
async fn variables_that_are_not_text_are_ignored_unless_they_are_settings() {
    let stack = Stack::any().start().await;
    let auth: [&[&str]; 5] = [&["healthcheck"], &["keys", "list"], &["doctor"], &["secret"], &["--help"]];
    let resource: [&[&str]; 2] = [&["healthcheck"], &["--help"]];
    for (service, commands) in [(&stack.auth, &auth[..]), (&stack.resource, &resource[..])] {
        for arguments in commands {
            let mut command = program(service, stack.directory());
            command.args(*arguments).env("JUNK", OsStr::from_bytes(b"\xff\xfe"));
            command.env(OsStr::from_bytes(b"JUNK\xff"), "x").env("RUST_LOG", OsStr::from_bytes(b"\xff"));
            let ended = command.output().expect("it runs");
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
            assert!(ended.status.success() || *arguments == ["doctor"], "{arguments:?}: {errors}");
            if *arguments == ["healthcheck"] {
                assert_eq!(errors.matches("RUST_LOG cannot be read").count(), 1, "{errors}");
            }
        }
    }
    for (service, variable) in [(&stack.auth, "AUTH_AUDIENCE"), (&stack.resource, "RESOURCE_AUDIENCE")] {
        for arguments in [&[][..], &["healthcheck"]] {
            let mut command = program(service, stack.directory());
            let ended = command.args(arguments).env(variable, OsStr::from_bytes(b"jeton\xff")).output();
            let ended = ended.expect("it runs");
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(2), "{errors}");
            assert!(errors.contains(&format!("{variable}: its value is not UTF-8 text")), "{errors}");
        }
    }
}

/// auth-service with its log redirected, until this is dropped.
struct Running(Child);

impl Running {
    async fn start(stack: &Stack, log: Stdio, level: &str) -> Self {
        let mut command = program(&stack.auth, stack.directory());
        let child = command.env("RUST_LOG", level).stderr(log).spawn().expect("it starts");
        eventually("it is ready", TIMEOUT, async || {
            let health = stack.auth.admin_address().get("/health/ready").try_send().await;
            health.ok().filter(|answer| answer.status == 200)
        })
        .await;
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The program of a service with its settings, in its directory.
fn program(service: &Service, directory: &Path) -> Command {
    let mut command = Command::new(binaries::path_of(service.program()));
    command.env_clear().envs(service.settings()).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    command
}
