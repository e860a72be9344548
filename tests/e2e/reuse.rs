//! Two parties that both go on refreshing are found out.

use harness::{Stack, Storage, assert_problem};

on_every_storage! {
    using_one_member_of_a_family_kills_the_others,
    an_old_token_ends_every_session_of_the_user_and_of_nobody_else,
    an_old_token_ends_only_its_session_when_told_so,
    strict_rotation_takes_every_second_use_for_a_theft,
    a_thief_and_a_victim_are_found_out_by_the_second_refresh_of_the_slower_one,
    after_a_theft_a_new_login_works,
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

async fn an_old_token_ends_only_its_session_when_told_so(storage: Storage) {
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

async fn a_thief_and_a_victim_are_found_out_by_the_second_refresh_of_the_slower_one(storage: Storage) {
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
