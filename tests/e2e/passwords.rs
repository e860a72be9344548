//! Which passwords are accepted, and what changing one does.

use harness::{
    Person, Stack, Storage, Transport, assert_problem,
    person::{fresh_email, fresh_password},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

on_every_storage! {
    changing_the_password_ends_the_other_sessions_and_spares_this_one,
    the_next_change_spares_only_the_session_that_made_it,
    a_request_overtaken_by_the_end_of_all_sessions_changes_nothing,
}

/// A request whose head, and with it the caller, arrives before `meanwhile`, and whose body arrives after it.
async fn late(stack: &Stack, head: &str, body: &str, person: &Person, meanwhile: impl AsyncFnOnce()) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", stack.auth.port())).await.expect("the service listens");
    let head = format!(
        "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        person.tokens.access,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("the head is taken");
    // Later requests find the caller as it is then; this one may have been found before.
    stack.auth.me(&person.tokens).await.expect(200);
    meanwhile().await;
    socket.write_all(body.as_bytes()).await.expect("the body is taken");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn a_request_overtaken_by_the_end_of_all_sessions_changes_nothing(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let new = fresh_password();
    for is_deletion in [false, true] {
        let ada = stack.ada().await;
        let (head, body) = if is_deletion {
            ("DELETE /auth/me", json!({ "password": ada.password }))
        } else {
            ("POST /auth/password", json!({ "current": ada.password, "new": new }))
        };
        let ends = async || drop(stack.auth.logout_all(&ada.tokens).await.expect(204));
        let answer = late(&stack, head, &body.to_string(), &ada, ends).await;
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("token_invalid"), "{head}\n{answer}");
        assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
        stack.auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
    }
}

/// Characters that are in no list of passwords, so that only the length counts.
fn random_characters(count: usize) -> String {
    fresh_password().chars().rev().chain(fresh_password().chars()).cycle().take(count).collect()
}

#[tokio::test]
async fn a_password_has_8_to_256_characters() {
    let stack = Stack::any().start().await;
    for (length, status) in [(0, 422), (1, 422), (7, 422), (8, 201), (9, 201), (256, 201), (257, 422), (2000, 422)] {
        let answer = stack.auth.register(&fresh_email("ada"), &random_characters(length)).await;
        eprintln!("{length} characters");
        if status == 422 {
            assert_problem(&answer, 422, "weak_password");
        } else {
            assert_eq!(answer.status, status, "{answer}");
        }
    }
}

#[tokio::test]
async fn length_is_counted_in_characters_not_bytes() {
    let stack = Stack::any().start().await;
    let seven = "жщюяъэё";
    assert_problem(&stack.auth.register(&fresh_email("ada"), seven).await, 422, "weak_password");
    let long: String = random_characters(256).chars().map(|c| if c == 'e' { 'é' } else { c }).collect();
    let (email, password) = (fresh_email("ada"), long);
    stack.auth.register(&email, &password).await.expect(201);
    stack.auth.login(&email, &password, Transport::Body).await.tokens();
}

#[tokio::test]
async fn a_password_does_not_depend_on_how_its_letters_are_composed() {
    let stack = Stack::any().start_auth().await;
    let (composed, apart) = ("Gr\u{fc}\u{df}e, \u{c5}ngstr\u{f6}m 42", "Gru\u{308}\u{df}e, A\u{30a}ngstro\u{308}m 42");
    for (chosen, typed) in [(composed, apart), (apart, composed)] {
        let email = fresh_email("ada");
        stack.auth.register(&email, chosen).await.expect(201);
        for text in [typed, chosen] {
            stack.auth.login(&email, text, Transport::Body).await.tokens();
        }
        let wrong = stack.auth.login(&email, &typed.replace("42", "43"), Transport::Body).await;
        assert_problem(&wrong, 401, "invalid_credentials");
    }
    let seven_letters = "e\u{301}".repeat(7);
    assert_problem(&stack.auth.register(&fresh_email("ada"), &seven_letters).await, 422, "weak_password");
}

#[tokio::test]
async fn common_passwords_are_refused() {
    let stack = Stack::any().start().await;
    for password in ["password", "12345678", "qwertyuiop", "iloveyou", "Password1", "11111111", "letmein123"] {
        let answer = stack.auth.register(&fresh_email("ada"), password).await;
        eprintln!("{password}");
        assert_problem(&answer, 422, "weak_password");
    }
}

#[tokio::test]
async fn every_character_of_a_long_password_counts() {
    let stack = Stack::any().start().await;
    let (email, password) = (fresh_email("ada"), random_characters(256));
    stack.auth.register(&email, &password).await.expect(201);
    let almost: String = password.chars().take(255).chain(['~']).collect();
    for wrong in [almost, password[..255].to_owned(), format!("{password} "), password.to_uppercase()] {
        assert_problem(&stack.auth.login(&email, &wrong, Transport::Body).await, 401, "invalid_credentials");
    }
    stack.auth.login(&email, &password, Transport::Body).await.tokens();
}

async fn changing_the_password_ends_the_other_sessions_and_spares_this_one(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (mut ada, mut bob) = (stack.ada().await, stack.bob().await);
    let phone = ada.another_device().await;
    let new = fresh_password();
    assert_problem(&stack.auth.change_password(&ada.tokens, "not it", &new).await, 403, "wrong_password");
    assert_problem(&stack.auth.change_password(&ada.tokens, &ada.password, "password").await, 422, "weak_password");

    stack.auth.change_password(&ada.tokens, &ada.password, &new).await.expect(204);
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    assert_problem(&stack.auth.me(&phone).await, 401, "token_invalid");
    ada.refresh().await;
    stack.auth.me(&ada.tokens).await.expect(200);
    ada.refresh().await;
    bob.refresh().await;
    let old = stack.auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&old, 401, "invalid_credentials");
    let fresh = stack.auth.login(&ada.email, &new, Transport::Body).await.tokens();
    stack.auth.refresh(&fresh).await.tokens();
}

async fn the_next_change_spares_only_the_session_that_made_it(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let (second, third) = (fresh_password(), fresh_password());
    stack.auth.change_password(&ada.tokens, &ada.password, &second).await.expect(204);
    ada.refresh().await;
    let phone = stack.auth.login(&ada.email, &second, Transport::Body).await.tokens();
    stack.auth.change_password(&phone, &second, &third).await.expect(204);
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    stack.auth.refresh(&phone).await.tokens();
}
