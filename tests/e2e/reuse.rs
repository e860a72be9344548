//! Two parties that both go on refreshing are detected.

use harness::{Answer, Stack, Storage, Tokens, assert_problem};
use serde_json::Value;

/// How often a token may be retried after the window.
const LATE_RETRIES: usize = 16;

on_every_storage! {
    using_one_member_of_a_family_kills_the_others,
    an_old_token_ends_every_session_of_the_user_and_of_nobody_else,
    an_old_token_ends_only_its_session_if_so_configured,
    strict_rotation_takes_every_second_use_for_a_theft,
    a_thief_and_a_victim_are_detected_by_the_second_refresh_of_the_slower_one,
    after_a_theft_a_new_login_works,
    a_token_whose_responses_are_lost_is_exchanged_a_limited_number_of_times,
    a_retry_is_recorded_and_one_from_elsewhere_is_shown_to_the_user,
    a_replay_elsewhere_is_shown_to_the_user_once_in_a_window,
}

async fn using_one_member_of_a_family_kills_the_others(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    for winner_is_the_retry in [false, true] {
        let ada = stack.ada().await;
        let first = stack.auth.refresh(&ada.tokens).await.tokens();
        let retried = stack.auth.refresh(&ada.tokens).await.tokens();
        let (winner, loser) = if winner_is_the_retry { (retried, first) } else { (first, retried) };
        stack.auth.refresh(&winner).await.tokens();
        assert_problem(&stack.auth.refresh(&loser).await, 401, "refresh_reused");
    }
}

async fn an_old_token_ends_every_session_of_the_user_and_of_nobody_else(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (mut ada, mut bob) = (stack.ada().await, stack.bob().await);
    let phone = ada.another_device().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;

    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    assert_problem(&stack.auth.me(&phone).await, 401, "token_invalid");
    bob.refresh().await;
}

async fn an_old_token_ends_only_its_session_if_so_configured(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").auth("AUTH_REUSE_ENDS", "session").start().await;
    let mut ada = stack.ada().await;
    let phone = ada.another_device().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;

    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    stack.auth.refresh(&phone).await.tokens();
}

async fn strict_rotation_takes_every_second_use_for_a_theft(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").auth("AUTH_LATE_RETRY", "off").start().await;
    let ada = stack.ada().await;
    let next = stack.auth.refresh(&ada.tokens).await.tokens();
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&next).await, 401, "session_ended");
}

async fn a_thief_and_a_victim_are_detected_by_the_second_refresh_of_the_slower_one(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let victim = stack.ada().await;
    let thief = stack.auth.refresh(&victim.tokens).await.tokens();
    let victims_next = stack.auth.refresh(&victim.tokens).await.tokens();
    let thiefs_next = stack.auth.refresh(&thief).await.tokens();
    assert_problem(&stack.auth.refresh(&victims_next).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&thiefs_next).await, 401, "session_ended");
}

async fn after_a_theft_a_new_login_works(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");

    ada.tokens = ada.another_device().await;
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "session_ended");
    ada.refresh().await;
}

async fn a_token_whose_responses_are_lost_is_exchanged_a_limited_number_of_times(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let ada = stack.ada().await;
    let mut successors = Vec::new();
    for _ in 0..=LATE_RETRIES {
        successors.push(stack.auth.refresh(&ada.tokens).await.tokens().refresh);
    }
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "refresh_reused");
    successors.dedup();
    assert_eq!(successors.len(), 1 + LATE_RETRIES);
}

async fn refreshed_with(stack: &Stack, tokens: &Tokens, program: &str) -> Answer {
    stack.auth.refresh_request(tokens).header("user-agent", program).send().await
}

/// The incidents that the user is shown.
async fn incidents(stack: &Stack, tokens: &Tokens) -> Vec<Value> {
    stack.auth.sessions(tokens).await.expect(200)["incidents"].as_array().expect("a list").clone()
}

async fn a_retry_is_recorded_and_one_from_elsewhere_is_shown_to_the_user(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    refreshed_with(&stack, &ada.tokens, "Browser/1.0").await.tokens();
    refreshed_with(&stack, &ada.tokens, "Browser/1.0").await.tokens();
    assert_eq!(incidents(&stack, &ada.tokens).await, Vec::<Value>::new());
    let noted = format!("/admin/users/{}/audit?action=refresh_retry", ada.id);
    let noted = stack.auth.get(&noted).bearer(&admin.tokens.access).send().await.expect(200);
    assert_eq!(noted["events"].as_array().map(Vec::len), Some(1), "{noted}");
    assert_eq!(
        (&noted["events"][0]["user_agent"], &noted["events"][0]["ip"]),
        (&"Browser/1.0".into(), &stack.our_address().into())
    );

    refreshed_with(&stack, &ada.tokens, "Thief/6.6").await.tokens();
    let shown = incidents(&stack, &ada.tokens).await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((&shown[0]["action"], &shown[0]["user_agent"]), (&"refresh_elsewhere".into(), &"Thief/6.6".into()));
    let details = &shown[0]["details"];
    assert_eq!(
        (&details["how"], &details["differs"]),
        (&"retried".into(), &serde_json::json!(["user_agent"])),
        "{details}"
    );
    assert_eq!(details["last_refresh"]["user_agent"], "Browser/1.0", "{details}");
}

async fn a_replay_elsewhere_is_shown_to_the_user_once_in_a_window(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "5m").start().await;
    let ada = stack.ada().await;
    let next = refreshed_with(&stack, &ada.tokens, "Browser/1.0").await.tokens();
    for _ in 0..3 {
        refreshed_with(&stack, &ada.tokens, "Browser/1.0").await.tokens();
        for copied in [&ada.tokens, &next] {
            assert_eq!(refreshed_with(&stack, copied, "Thief/6.6").await.tokens().refresh, next.refresh);
        }
    }
    let shown = incidents(&stack, &ada.tokens).await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0]["details"]["how"], "replayed", "{shown:?}");
}
