//! A client that costs next to nothing, so that it does not take the processor from what is measured: one connection,
//! requests prepared in advance, and only as much parsing as finds the end of an answer.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection that is kept alive.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// To a service of this machine.
    pub(crate) async fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the service listens");
        stream.set_nodelay(true).expect("a fresh connection");
        Self { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a request, and returns the body of the answer, which must be 200.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.ask_whole(request).await.0
    }

    /// As [`Connection::ask`], with the number of bytes of the whole answer.
    pub(crate) async fn ask_whole(&mut self, request: &[u8]) -> (&[u8], usize) {
        let body = self.answered(request).await;
        let is_good = self.buffer.starts_with(b"HTTP/1.1 200");
        assert!(is_good, "{}", String::from_utf8_lossy(&self.buffer));
        (&self.buffer[body..], self.buffer.len())
    }

    /// Sends a request, and returns the status of the answer.
    pub(crate) async fn status(&mut self, request: &[u8]) -> u16 {
        self.answered(request).await;
        let status = self.buffer.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
        status.and_then(|status| status.parse().ok()).expect("an answer has a status")
    }

    /// Until the whole answer is there; where its body begins.
    async fn answered(&mut self, request: &[u8]) -> usize {
        self.stream.write_all(request).await.expect("the service reads");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the service answers");
            assert_ne!(read, 0, "the service keeps the connection");
            if let Some(body) = body_of(&self.buffer) {
                return body;
            }
        }
    }

    /// As [`Connection::ask`], for an answer in JSON.
    pub(crate) async fn ask_json(&mut self, request: &[u8]) -> Value {
        serde_json::from_slice(self.ask(request).await).expect("the answer is JSON")
    }
}

/// Where the body begins, once all of it is there.
fn body_of(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let length = std::str::from_utf8(&answer[..head]).expect("a head is ASCII").lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().expect("a number"))
    });
    let length = length.expect("the answer says how long it is");
    (answer.len() >= head + length).then_some(head)
}

/// `GET path` with an access token.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// `POST path` with a JSON body.
pub(crate) fn post(path: &str, body: &Value) -> Vec<u8> {
    let (body, head) = (body.to_string(), format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n"));
    format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
