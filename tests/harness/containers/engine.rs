//! The Docker engine, asked at its socket: what is asked again and again would keep a command line busy.

use super::docker::docker;
use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::OnceLock,
};

/// What the engine says.
///
/// # Errors
/// Why it does not.
pub(crate) fn get(path: &str) -> Result<Value, String> {
    ask("GET", path, &Value::Null)
}

/// Has the engine do something.
///
/// # Errors
/// Why it does not.
pub(crate) fn post(path: &str, body: &Value) -> Result<Value, String> {
    ask("POST", path, body)
}

/// Has the engine remove something.
///
/// # Errors
/// Why it does not.
pub(crate) fn delete(path: &str) -> Result<Value, String> {
    ask("DELETE", path, &Value::Null)
}

fn ask(method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let answer = sent(method, path, body).map_err(|error| format!("the Docker engine does not answer: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{method} {path}: {answer}"))?;
    let status: Option<u16> = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    // What has been done before is not an error: 304.
    if status.is_some_and(|status| status < 400) {
        return Ok(serde_json::from_str(body).unwrap_or_default());
    }
    Err(format!("{method} {path}: {body}"))
}

/// As HTTP/1.0 has it, an answer ends with its connection.
fn sent(method: &str, path: &str, body: &Value) -> io::Result<String> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = UnixStream::connect(socket())?;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// That of the engine which the command line asks.
fn socket() -> &'static str {
    static SOCKET: OnceLock<String> = OnceLock::new();
    SOCKET.get_or_init(|| {
        let host = docker(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]).expect("docker runs");
        let path = host.trim().strip_prefix("unix://");
        path.unwrap_or_else(|| panic!("the tests need a Docker engine at a socket, not at {host}")).to_owned()
    })
}
