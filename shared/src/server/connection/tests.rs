use super::*;
use crate::server::{Admission, Limits};
use actix_http::{Payload, Request};
use actix_web::http::header;
use std::{future::poll_fn, task::Poll};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);

async fn pair(timeouts: Timeouts) -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).await.expect("it listens");
    let (ours, peer) = listener.accept().await.expect("it was called");
    let limits = Limits { total: 1, per_address: 0, timeouts };
    let admitted = Admission::new("test", limits, |_| false).admit(Some(peer)).expect("there is room");
    (client, Connection::new(ours, timeouts, false, admitted))
}

async fn patient() -> (TcpStream, Connection) {
    pair(Timeouts { head: LONG, write: LONG, ..Timeouts::default() }).await
}

/// What the framework gets in one turn: it reads until it has to wait.
async fn turn(connection: &mut Connection) -> Vec<u8> {
    let mut taken = Vec::new();
    poll_fn(|context| {
        let mut space = [0; 4096];
        loop {
            let mut out = ReadBuf::new(&mut space);
            match Pin::new(&mut *connection).poll_read(context, &mut out) {
                Poll::Pending => return Poll::Ready(()),
                Poll::Ready(Ok(())) if out.filled().is_empty() => {
                    taken.extend_from_slice(b"[closed]");
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) => taken.extend_from_slice(out.filled()),
                Poll::Ready(Err(error)) => panic!("{error}"),
            }
        }
    })
    .await;
    taken
}

/// The first turn in which there is something.
async fn next(connection: &mut Connection) -> String {
    let looking = async {
        loop {
            let taken = turn(connection).await;
            if !taken.is_empty() {
                return String::from_utf8(taken).expect("text");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, looking).await.expect("something comes")
}

#[test]
fn the_end_of_a_head_is_an_empty_line_however_lines_end_and_wherever_it_is_cut() {
    for head in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.0\r\n\n"] {
        let all = format!("{head}POST");
        let mut heads = HeadEnds::default();
        assert_eq!((heads.end_in(all.as_bytes()), heads.is_at_end()), (head.len(), true), "{head:?}");
        for cut in 1..head.len() {
            let mut heads = HeadEnds::default();
            assert_eq!((heads.end_in(&all.as_bytes()[..cut]), heads.is_at_end()), (cut, false), "{head:?} {cut}");
            assert_eq!(heads.end_in(&all.as_bytes()[cut..]), head.len() - cut, "{head:?} {cut}");
        }
    }
    let mut heads = HeadEnds::default();
    assert_eq!(heads.end_in(b"\r\n\n\n\r\nGET / HTTP/1.1\nx\r\r\n\n\n"), 26, "empty lines before a head do not end it");
    assert!(heads.is_at_end(), "a line feed twice, after whatever");
}

#[actix_web::test]
async fn a_head_that_becomes_too_large_is_cut_off_with_bytes_that_no_parser_accepts() {
    for filling in ["x", "\n", "x\n"] {
        let (mut client, mut connection) = patient().await;
        client
            .write_all(&[b"GET / HTTP/1.1\r\nHost: x\r\nx: ", &*filling.repeat(100_000).into_bytes()].concat())
            .await
            .ok();
        let mut taken = 0;
        loop {
            let turn = next(&mut connection).await;
            taken += turn.len();
            if turn.ends_with("[closed]") {
                assert!(filling == "\n" || turn.ends_with("\n\0[closed]"), "{filling:?}");
                break;
            }
            // Whatever was complete is answered.
            if turn.ends_with("\n\n") && taken < 1000 {
                drop(connection.turn().take(&mut Request::new()));
            }
        }
        assert!(taken < MAX_HEAD + 2 * PIECE, "{taken} bytes of {filling:?}");
    }
}

#[actix_web::test]
async fn requests_that_were_sent_at_once_are_handed_out_one_by_one() {
    let (mut client, mut connection) = patient().await;
    client.write_all(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\n\nGET /3 HTTP/1.1\r\n\r\nGET /4").await.expect("sent");
    for expected in ["GET /1 HTTP/1.1\r\n\r\n", "GET /2 HTTP/1.1\n\n", "GET /3 HTTP/1.1\r\n\r\n", "GET /4"] {
        assert_eq!(next(&mut connection).await, expected);
    }
}

#[actix_web::test]
async fn while_a_request_is_answered_only_the_end_of_the_connection_is_handed_out() {
    let (mut client, mut connection) = patient().await;
    client.write_all(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n").await.expect("sent");
    assert_eq!(next(&mut connection).await, "GET /1 HTTP/1.1\r\n\r\n");
    let taken = connection.turn().take(&mut Request::new());
    for _ in 0..3 {
        assert!(turn(&mut connection).await.is_empty());
    }
    drop(taken);
    assert_eq!(next(&mut connection).await, "GET /2 HTTP/1.1\r\n\r\n");
    let _taken = connection.turn().take(&mut Request::new());
    drop(client);
    assert_eq!(next(&mut connection).await, "[closed]");
}

#[actix_web::test]
async fn a_head_that_does_not_end_in_time_ends_the_connection() {
    let (mut client, mut connection) = pair(Timeouts { head: SHORT, write: LONG, ..Timeouts::default() }).await;
    for request in 0..2 {
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
        next(&mut connection).await;
        drop(connection.turn().take(&mut Request::new()));
        assert!(turn(&mut connection).await.is_empty(), "request {request} was complete");
    }
    tokio::time::sleep(2 * SHORT).await;
    assert!(turn(&mut connection).await.is_empty(), "nothing has begun");
    client.write_all(b"GET / HT").await.expect("sent");
    let mut taken = next(&mut connection).await;
    if taken == "GET / HT" {
        taken += &next(&mut connection).await;
    }
    assert_eq!(taken, "GET / HT[closed]");
}

#[actix_web::test]
async fn a_client_that_does_not_read_its_answer_is_given_up_and_its_requests_wait() {
    let (mut client, mut connection) = pair(Timeouts { head: LONG, write: 4 * SHORT, ..Timeouts::default() }).await;
    let answer = vec![b'x'; 64 * 1024];
    let blocked = poll_fn(|context| {
        while let Poll::Ready(written) = Pin::new(&mut connection).poll_write(context, &answer) {
            written.expect("the system takes some");
        }
        Poll::Ready(true)
    });
    assert!(blocked.await);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    assert!(turn(&mut connection).await.is_empty());
    let given_up = timeout(LONG, connection.write(&answer)).await.expect("it is given up");
    assert_eq!(given_up.expect_err("nobody reads").kind(), ErrorKind::TimedOut);
}

#[actix_web::test]
async fn a_client_that_reads_its_answer_late_may_send_again() {
    let (mut client, mut connection) = patient().await;
    let answer = vec![b'x'; 64 * 1024];
    let mut written = 0;
    poll_fn(|context| {
        while let Poll::Ready(more) = Pin::new(&mut connection).poll_write(context, &answer) {
            written += more.expect("the system takes some");
        }
        Poll::Ready(())
    })
    .await;
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    client.read_exact(&mut vec![0; written]).await.expect("what was written");
    timeout(LONG, connection.write_all(b"y")).await.expect("there is room again").expect("it is taken");
    assert_eq!(next(&mut connection).await, "GET / HTTP/1.1\r\n\r\n");
}

/// A request with a body that is announced, and comes over the connection.
fn with_body(length: Option<usize>) -> Request {
    let (_sender, payload) = actix_http::h1::Payload::create(false);
    let mut request = Request::new().replace_payload(Payload::H1 { payload }).0;
    if let Some(length) = length {
        request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    request
}

#[actix_web::test]
async fn a_body_of_known_length_is_handed_out_in_large_pieces_whatever_it_holds() {
    let (mut client, mut connection) = patient().await;
    let head = "POST / HTTP/1.1\r\n\r\n";
    let body = "a\n\n".repeat(2000);
    client.write_all(format!("{head}{body}GET / HTTP/1.1\r\n\r\n").as_bytes()).await.expect("sent");
    assert_eq!(next(&mut connection).await, head);
    let taken = connection.turn().take(&mut with_body(Some(body.len())));
    let (mut read, mut pieces) = (0, 0);
    while read < body.len() {
        read += next(&mut connection).await.len();
        pieces += 1;
    }
    assert!(read == body.len() && pieces < 20, "{read} bytes in {pieces} pieces");
    drop(taken);
    assert_eq!(next(&mut connection).await, "GET / HTTP/1.1\r\n\r\n");
}

#[actix_web::test]
async fn the_rest_of_a_body_that_was_answered_is_awaited_no_longer_than_a_head() {
    for (length, sent) in [(None, ""), (None, "5\r\nab"), (Some(9), ""), (Some(9), "abcd"), (Some(1 << 30), "abcd")] {
        let (mut client, mut connection) = pair(Timeouts { head: SHORT, write: LONG, ..Timeouts::default() }).await;
        client.write_all(format!("POST / HTTP/1.1\r\n\r\n{sent}").as_bytes()).await.expect("sent");
        next(&mut connection).await;
        drop(connection.turn().take(&mut with_body(length)));
        let mut taken = next(&mut connection).await;
        while !taken.ends_with("[closed]") {
            taken += &next(&mut connection).await;
        }
        assert_eq!(taken, format!("{sent}[closed]"), "{length:?}");
    }
}

#[actix_web::test]
async fn a_client_that_sends_the_rest_of_a_body_in_time_may_send_again() {
    let (mut client, mut connection) = pair(Timeouts { head: 20 * SHORT, write: LONG, ..Timeouts::default() }).await;
    client.write_all(b"POST / HTTP/1.1\r\n\r\nabcd").await.expect("sent");
    next(&mut connection).await;
    drop(connection.turn().take(&mut with_body(Some(9))));
    client.write_all(b"efghi").await.expect("sent");
    let mut taken = String::new();
    while taken.len() < 9 {
        taken += &next(&mut connection).await;
    }
    tokio::time::sleep(30 * SHORT).await;
    assert!(turn(&mut connection).await.is_empty(), "nothing is owed any more");
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    assert_eq!(next(&mut connection).await, "GET / HTTP/1.1\r\n\r\n");
}
