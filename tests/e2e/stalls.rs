//! A replica stalls while the others go on.

use harness::{Stack, Storage, Tokens};
use serde_json::json;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

on_every_storage! {
    a_request_given_up_during_a_stall_is_not_a_theft_even_with_its_connection_open,
}

mod however_briefly {
    use super::*;

    with_redis! {
        a_request_given_up_during_a_stall_is_not_a_theft,
    }

    /// The client goes on at the other replica. When the first one runs again, it finds a request with a token that is long
    /// outdated, and a closed connection.
    async fn a_request_given_up_during_a_stall_is_not_a_theft(storage: Storage) {
        let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
        let replica = stack.replica().await;
        let ada = stack.ada().await;
        stack.auth.pause();
        for _ in 0..3 {
            send_and_give_up(stack.auth.port(), &ada.tokens);
        }
        let next = replica.refresh(&ada.tokens).await.tokens();
        let newest = replica.refresh(&next).await.tokens();
        stack.auth.resume();
        // Answered after what waited before it.
        stack.auth.get("/.well-known/jwks.json").send().await.expect(200);
        for _ in 0..3 {
            stack.auth.sessions(&newest).await.expect(200);
        }
        replica.refresh(&newest).await.tokens();
    }
}

/// A proxy in between may keep the connection open. After more than a second, the replica knows that it stalled.
async fn a_request_given_up_during_a_stall_is_not_a_theft_even_with_its_connection_open(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let replica = stack.replica().await;
    let ada = stack.ada().await;
    stack.auth.pause();
    let open: Vec<TcpStream> = (0..3).map(|_| send(stack.auth.port(), &ada.tokens)).collect();
    let next = replica.refresh(&ada.tokens).await.tokens();
    let newest = replica.refresh(&next).await.tokens();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stack.auth.resume();
    for connection in open {
        connection.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let mut status = String::new();
        // A whole line: a single `read` with a timeout ends with EINTR when a child process of another test ends.
        BufReader::new(connection).read_line(&mut status).expect("an answer");
        assert!(status.starts_with("HTTP/1.1 503"), "{status}");
    }
    replica.refresh(&newest).await.tokens();
}

fn send_and_give_up(port: u16, tokens: &Tokens) {
    drop(send(port, tokens));
}

/// The system takes the request; nobody reads it yet.
fn send(port: u16, tokens: &Tokens) -> TcpStream {
    let body = json!({ "refresh_token": tokens.refresh }).to_string();
    let head = format!(
        "POST /auth/refresh HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the system takes connections");
    connection.write_all((head + &body).as_bytes()).expect("and what is sent");
    connection
}
