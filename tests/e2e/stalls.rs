//! A replica stands still while the others go on.

use harness::{Stack, Storage, Tokens};
use serde_json::json;
use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpStream},
};

with_redis! {
    what_a_client_gave_up_while_a_replica_stood_still_is_no_theft,
}

/// The client goes on at the other replica. When the first one runs again, it finds a request with a token that is long
/// outdated, and a closed connection.
async fn what_a_client_gave_up_while_a_replica_stood_still_is_no_theft(storage: Storage) {
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

/// The system takes it; nobody reads it yet.
fn send_and_give_up(port: u16, tokens: &Tokens) {
    let body = json!({ "refresh_token": tokens.refresh }).to_string();
    let head = format!(
        "POST /auth/refresh HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the system takes connections");
    connection.write_all((head + &body).as_bytes()).expect("and what is sent");
}
