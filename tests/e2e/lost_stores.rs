//! Redis forgets: nobody is logged out, and what has ended stays ended.

use futures_util::future::join_all;
use harness::{Stack, Storage, assert_problem, person::fresh_password};

with_redis! {
    wiping_the_store_logs_nobody_out,
    what_had_ended_before_the_store_was_wiped_stays_ended,
    a_session_can_be_ended_by_its_id_after_the_store_was_wiped,
    parallel_refreshes_after_a_wipe_agree_on_one_token,
    a_restart_of_the_store_without_its_data_logs_nobody_out,
    lost_writes_log_nobody_out,
    after_a_wipe_an_old_token_is_still_found_out,
}

async fn wiping_the_store_logs_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let (mut ada, browser) = (stack.ada().await, stack.ada_in_a_browser().await);
    let mut tokens = browser.tokens;
    for _ in 0..3 {
        stack.redis().flush();
        ada.refresh().await;
        tokens = stack.auth.refresh(&tokens).await.tokens();
        stack.auth.me(&ada.tokens).await.expect(200);
    }
}

async fn what_had_ended_before_the_store_was_wiped_stays_ended(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (logged_out, everywhere) = (stack.ada().await, stack.ada().await);
    let (mut changed, mut stolen) = (stack.ada().await, stack.ada().await);
    stack.auth.logout(&logged_out.tokens).await.expect(204);
    stack.auth.logout_all(&everywhere.tokens).await.expect(204);
    let phone = changed.another_device().await;
    stack.auth.change_password(&changed.tokens, &changed.password, &fresh_password()).await.expect(204);
    let old = stolen.tokens.clone();
    stolen.refresh().await;
    stolen.refresh().await;
    assert_problem(&stack.auth.refresh(&old).await, 401, "refresh_reused");

    for _ in 0..2 {
        stack.redis().flush();
        for tokens in [&logged_out.tokens, &everywhere.tokens, &phone, &stolen.tokens, &old] {
            assert_problem(&stack.auth.refresh(tokens).await, 401, "session_ended");
        }
        changed.refresh().await;
    }
}

async fn a_session_can_be_ended_by_its_id_after_the_store_was_wiped(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let (phone, tablet) = (ada.another_device().await, ada.another_device().await);
    stack.redis().flush();
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    stack.auth.logout(&tablet).await.expect(204);
    assert_problem(&stack.auth.refresh(&tablet).await, 401, "session_ended");
    stack.auth.refresh(&ada.tokens).await.tokens();
}

async fn parallel_refreshes_after_a_wipe_agree_on_one_token(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.redis().flush();
    let refreshed = join_all((0..20).map(|_| stack.auth.refreshed(&ada.tokens))).await;
    for tokens in &refreshed {
        assert_eq!(tokens.refresh, refreshed[0].refresh);
    }
}

async fn a_restart_of_the_store_without_its_data_logs_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.redis().restart();
    ada.tokens = super::outages::refreshed_within_two_seconds(&stack, &ada.tokens).await;
    ada.refresh().await;
}

async fn lost_writes_log_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.redis().save();
    for _ in 0..4 {
        ada.refresh().await;
    }
    stack.redis().restart();
    ada.tokens = super::outages::refreshed_within_two_seconds(&stack, &ada.tokens).await;
    for _ in 0..4 {
        ada.refresh().await;
    }
}

async fn after_a_wipe_an_old_token_is_still_found_out(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;
    stack.redis().flush();
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}
