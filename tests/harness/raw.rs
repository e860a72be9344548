//! HTTP by hand, for requests that no client library would send.

use crate::answer::Answer;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::{net::Ipv4Addr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Sends `bytes` and reads until the service closes the connection.
///
/// # Panics
/// When it is not closed within `patience`, or the answer is not HTTP.
pub(crate) async fn exchange(port: u16, bytes: &[u8], patience: Duration) -> Answer {
    let mut received = Vec::new();
    let conversation = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the service listens");
        // A service may refuse and close before it has read everything; what it has answered until then counts.
        drop(stream.write_all(bytes).await);
        drop(stream.read_to_end(&mut received).await);
    };
    let ended = timeout(patience, conversation).await;
    assert!(ended.is_ok(), "no end within {patience:?}; so far: {}", String::from_utf8_lossy(&received));
    parse(&received).unwrap_or_else(|| panic!("not an HTTP answer: {:?}", String::from_utf8_lossy(&received)))
}

fn parse(received: &[u8]) -> Option<Answer> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let body = &received[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?);
    }
    if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        return Some(Answer::new(status, headers, &unchunked(body)?));
    }
    Some(Answer::new(status, headers, body))
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size)?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}
