//! The list of a user's devices, and ending one of them.

use harness::{Stack, Storage, Tokens, Transport, assert_problem};
use serde_json::Value;
use uuid::Uuid;

on_every_storage! {
    the_list_shows_each_device_and_marks_the_callers_own,
    ending_a_device_logs_it_out_and_nobody_else,
    nobody_can_end_the_session_of_somebody_else,
    the_list_does_not_show_that_a_session_was_just_refreshed,
    beyond_the_limit_the_least_recently_used_session_ends,
}

async fn the_list_shows_each_device_and_marks_the_callers_own(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, _bob) = (stack.ada().await, stack.bob().await);
    let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Cookie);
    let phone = login.header("user-agent", "Phone/1.0 <b>").send().await.tokens();

    let shown = stack.auth.sessions(&ada.tokens).await.expect(200);
    let others = shown["sessions"].as_array().expect("a list").iter().find(|session| session["current"] == false);
    assert_eq!(others.expect("it is listed")["user_agent"], "Phone/1.0 <b>", "{shown}");
    let asked = stack.auth.get("/auth/sessions").bearer(&phone.access).header("user-agent", "Phone/1.1");
    let answer = asked.send().await.expect(200);
    let sessions = answer["sessions"].as_array().expect("a list").clone();
    assert_eq!(ids(&sessions), sorted([&ada.tokens, &phone]), "{answer}");
    let own = sessions.iter().find(|session| session["current"] == true).expect("one is this one");
    assert_eq!((&own["id"], &own["user_agent"]), (&phone.session_id.into(), &"Phone/1.1".into()), "{answer}");
    assert_eq!(sessions[0], *own, "the caller's own comes first\n{answer}");
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1, "{answer}");
    for session in &sessions {
        assert_eq!(session["ip"], stack.our_address(), "{answer}");
        for time in ["created_at", "last_used_at"] {
            let time = session[time].as_str().expect("a time");
            assert!(time.len() >= 20 && time.ends_with('Z'), "RFC 3339 in UTC, not {time}");
        }
    }
}

/// Whoever has copied a token, or has another session of the user, could otherwise see when to refresh right after its
/// owner.
async fn the_list_does_not_show_that_a_session_was_just_refreshed(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let (mut phone, watcher) = (ada.another_device().await, ada.tokens.clone());
    let shown = async || {
        let mut answer = stack.auth.sessions(&watcher).await.expect(200).json;
        for session in answer["sessions"].as_array_mut().expect("a list") {
            if session["current"] == true {
                let asked = session["last_used_at"].as_str().expect("a time").to_owned();
                assert!(asked.ends_with(":00Z") || asked == session["created_at"], "to the minute: {session}");
                session["last_used_at"].take();
                session["expires_at"].take();
            }
        }
        answer
    };
    let before = shown().await;
    for _ in 0..3 {
        phone = stack.auth.refresh(&phone).await.tokens();
        ada.refresh().await;
        assert_eq!(shown().await, before);
    }
}

async fn ending_a_device_logs_it_out_and_nobody_else(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let phone = ada.another_device().await;
    for _ in 0..2 {
        stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    }
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    assert_problem(&stack.auth.me(&phone).await, 401, "token_invalid");
    ada.refresh().await;
    let left = stack.auth.sessions(&ada.tokens).await.expect(200);
    assert_eq!(ids(left["sessions"].as_array().expect("a list")), sorted([&ada.tokens]), "{left}");

    stack.auth.end_session(&ada.tokens, &ada.tokens.session_id).await.expect(204);
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}

async fn nobody_can_end_the_session_of_somebody_else(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, mut bob) = (stack.ada().await, stack.bob().await);
    for id in [bob.tokens.session_id.clone(), Uuid::new_v4().to_string()] {
        stack.auth.end_session(&ada.tokens, &id).await.expect(204);
    }
    bob.refresh().await;
    stack.auth.me(&bob.tokens).await.expect(200);
}

#[tokio::test]
async fn ended_sessions_are_not_listed() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    stack.auth.logout(&phone).await.expect(204);
    let left = stack.auth.sessions(&ada.tokens).await.expect(200);
    assert_eq!(ids(left["sessions"].as_array().expect("a list")), sorted([&ada.tokens]), "{left}");
}

fn ids(sessions: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> =
        sessions.iter().filter_map(|session| session["id"].as_str()).map(str::to_owned).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(devices: [&Tokens; N]) -> Vec<String> {
    let mut ids: Vec<String> = devices.iter().map(|tokens| tokens.session_id.clone()).collect();
    ids.sort();
    ids
}

async fn beyond_the_limit_the_least_recently_used_session_ends(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_MAX_SESSIONS", "2").auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let phone = ada.another_device().await;
    ada.refresh().await;
    let tablet = ada.another_device().await;
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    assert_problem(&stack.auth.me(&phone).await, 401, "token_invalid");
    let left = stack.auth.sessions(&tablet).await.expect(200);
    assert_eq!(ids(left["sessions"].as_array().expect("a list")), sorted([&ada.tokens, &tablet]), "{left}");
    ada.refresh().await;
}
