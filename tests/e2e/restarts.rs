//! auth-service stops, is killed, and comes back.

use futures_util::future::join_all;
use harness::{Stack, Storage, assert_problem, eventually, forge};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

on_every_storage! {
    a_restart_keeps_users_sessions_and_the_signing_key,
    killing_auth_service_at_any_instant_costs_nobody_the_session,
}

async fn a_restart_keeps_users_sessions_and_the_signing_key(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let (mut ada, gone) = (stack.ada().await, stack.bob().await);
    stack.auth.logout(&gone.tokens).await.expect(204);
    let keys = stack.auth.key_set().await.expect(200);
    let key_id = forge::header_of(&ada.tokens.access)["kid"].clone();
    stack.auth.restart().await;

    assert_eq!(stack.auth.key_set().await.expect(200).json, keys.json);
    stack.auth.me(&ada.tokens).await.expect(200);
    ada.refresh().await;
    assert_eq!(forge::header_of(&ada.tokens.access)["kid"], key_id);
    assert_problem(&stack.auth.refresh(&gone.tokens).await, 401, "session_ended");
    stack.auth.refresh(&ada.another_device().await).await.tokens();
    stack.admin().await;
}

async fn killing_auth_service_at_any_instant_costs_nobody_the_session(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    for delay in [0, 3, 6, 12, 25] {
        let refreshes = join_all((0..5).map(|_| stack.auth.refresh_request(&ada.tokens).try_send()));
        // Whatever comes back before the kill is lost on its way.
        drop(tokio::time::timeout(Duration::from_millis(delay), refreshes).await);
        stack.auth.kill();
        stack.auth.start().await;
        ada.refresh().await;
    }
}

#[tokio::test]
async fn both_services_stop_cleanly_when_asked() {
    let mut stack = Stack::any().start().await;
    let _ada = stack.ada().await;
    for service in [&mut stack.auth, &mut stack.resource] {
        let asked = Instant::now();
        let status = service.stop();
        assert_eq!(status.code(), Some(0), "{status}");
        // A service that is asked to stop finishes what is under way, and is gone within five seconds.
        assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    }
    assert!(stack.auth.get("/auth/me").try_send().await.is_err(), "a stopped service refuses connections");
}

#[tokio::test]
async fn a_service_that_waits_for_its_database_can_be_stopped() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).prepare();
    stack.auth.set("AUTH_DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing");
    stack.auth.spawn();
    eventually("auth-service waits", Duration::from_secs(10), async || {
        stack.auth.log().contains("waiting for the database").then_some(())
    })
    .await;
    let status = stack.auth.stop();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test]
async fn a_service_can_be_stopped_as_soon_as_it_answers() {
    let mut stack = Stack::any().start().await;
    for _ in 0..5 {
        stack.auth.restart().await;
        stack.resource.restart().await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_service_stops_and_meanwhile_it_is_not_ready() {
    let mut stack = Stack::any().start().await;
    let admin = stack.auth.admin_address().clone();
    let ada = stack.ada().await;
    let body = json!({ "email": ada.email, "password": ada.password, "transport": "body" }).to_string();
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut client = TcpStream::connect(("127.0.0.1", stack.auth.port())).await.expect("it listens");
    client.write_all(head.as_bytes()).await.expect("it takes requests");
    let mut go_on = [0; 12];
    client.read_exact(&mut go_on).await.expect("an answer");
    assert_eq!(&go_on, b"HTTP/1.1 100", "the request is under way");

    let stopping = tokio::task::spawn_blocking(move || (stack.auth.stop(), stack));
    eventually("its health is no longer answered", Duration::from_secs(10), async || {
        admin.get("/health/ready").try_send().await.is_err().then_some(())
    })
    .await;
    client.write_all(body.as_bytes()).await.expect("the connection is still open");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
    let (status, stack) = stopping.await.expect("no panic");
    assert_eq!(status.code(), Some(0), "{status}");
    drop(stack);
}
