//! What somebody new runs first.

use std::{
    io::Read as _,
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What is wrong is found before anything is built.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What became of a task.
struct Ended {
    code: Option<i32>,
    output: String,
    errors: String,
}

/// Runs a task to its end.
fn xtask(arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("cargo has built it");
    let mut streams = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let output = thread::spawn(move || {
        let mut text = String::new();
        streams.0.read_to_string(&mut text).map(|_| text)
    });
    let errors = thread::spawn(move || {
        let mut text = String::new();
        streams.1.read_to_string(&mut text).map(|_| text)
    });
    let until = Instant::now() + TIMEOUT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            break status;
        }
        if Instant::now() > until {
            child.kill().expect("our own child");
            panic!("{arguments:?} does not end");
        }
        thread::sleep(Duration::from_millis(20));
    };
    let text = |reader: thread::JoinHandle<std::io::Result<String>>| {
        reader.join().expect("it only reads").expect("what is printed is UTF-8")
    };
    Ended { code: status.code(), output: text(output), errors: text(errors) }
}

#[test]
fn up_says_at_once_which_port_is_taken_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    if port > 64_534 {
        return;
    }
    let ended = xtask(&["up", "--port", &port.to_string()]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{}", ended.errors);
    for words in [format!("127.0.0.1:{port}"), "AUTH_LISTEN".to_owned(), "--free-ports".to_owned()] {
        assert!(ended.errors.contains(&words), "{words} is missing in {}", ended.errors);
    }
}

#[test]
fn misspelt_arguments_fail_with_a_message() {
    for arguments in [
        &["tset"][..],
        &["test", "no_such_test"],
        &["up", "--prot", "1"],
        &["bench", "raeds"],
        &["demo", "--auth", "x"],
    ] {
        let ended = xtask(arguments);
        assert!(ended.code.is_some_and(|code| code != 0) && !ended.errors.is_empty(), "{arguments:?}");
    }
}
