//! Requests, byte by byte: no HTTP client would send some of them.

use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Self { status, headers, body: body.to_owned() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The code of a problem document; empty if it is not one.
    pub(crate) fn code(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        assert!(problem.is_null() || problem["status"] == self.status, "{self:?}");
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Asks with these values of `Authorization`.
pub(crate) fn ask(server: SocketAddr, path: &str, credentials: &[&str]) -> Answer {
    ask_with(server, path, &credentials.iter().map(|credentials| credentials.as_bytes()).collect::<Vec<_>>())
}

/// The same, with any bytes.
pub(crate) fn ask_with<C: AsRef<[u8]>>(server: SocketAddr, path: &str, credentials: &[C]) -> Answer {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into_bytes();
    for credentials in credentials {
        request.extend([b"authorization: ", credentials.as_ref(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    let mut connection = TcpStream::connect(server).expect("the server listens");
    connection.write_all(&request).expect("the server reads");
    let mut answer = Vec::new();
    // A connection that is reset has answered before.
    let _reset = connection.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    Answer::parse(&answer).unwrap_or_else(|| panic!("no answer: {answer}"))
}
