//! Programs in other languages: one line in, one line out.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Java and Python are slow to start on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running program. It ends with this process, since its input ends then.
#[derive(Debug)]
pub(crate) struct Peer {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// How to start a program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// A script for the virtual environment, and its first argument.
    Python(&'static str, &'static str),
    /// A script beside `node_modules`, and its first arguments.
    Node(&'static str, &'static [&'static str]),
    /// What was built from `tests/interop/go`.
    Go,
    /// What was built from `tests/interop/java`.
    Java,
}

impl Program {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(crate) fn start(self, arguments: &[&str]) -> Peer {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{self:?} does not start: {error}"));
        let input = child.stdin.take().expect("its input is a pipe");
        let output = child.stdout.take().expect("its output is a pipe");
        Peer { _child: child, input, output: BufReader::new(output).lines() }
    }

    fn command(self) -> Command {
        let prepared = PathBuf::from(set("JETON_INTEROP_DIR"));
        match self {
            Self::Python(script, argument) => {
                let mut command = Command::new(set("JETON_INTEROP_PYTHON"));
                command.arg("-B").arg(sources().join("python").join(script)).arg(argument);
                command
            }
            Self::Node(script, arguments) => {
                let mut command = Command::new("node");
                command.arg(prepared.join("node").join(script)).args(arguments);
                command
            }
            Self::Go => Command::new(prepared.join("go/converse")),
            Self::Java => {
                let mut command = Command::new("java");
                command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
                command.arg("-cp").arg(prepared.join("java")).arg("Converse");
                command
            }
        }
    }
}

impl Peer {
    /// Sends a line and reads the answer: its first word, and the rest.
    ///
    /// # Errors
    /// When the program has ended or does not answer.
    pub(crate) async fn ask(&mut self, line: &str) -> Result<(String, String), String> {
        let conversation = async {
            self.input.write_all(format!("{line}\n").as_bytes()).await?;
            self.input.flush().await?;
            self.output.next_line().await
        };
        let answer = timeout(TIMEOUT, conversation).await.map_err(|_| "no answer".to_owned())?;
        let answer = answer.map_err(|error| format!("it is gone: {error}"))?.ok_or("it has ended")?;
        let (word, rest) = answer.split_once(' ').unwrap_or((&answer, ""));
        Ok((word.to_owned(), rest.to_owned()))
    }
}

/// Where `cargo xtask interop` has put what these programs need.
fn set(variable: &str) -> OsString {
    env::var_os(variable).expect("`cargo xtask interop` says where everything is")
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}
