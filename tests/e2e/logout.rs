//! Logging out: of one session, of all, and with whatever token is left.

use harness::{Stack, Storage, assert_problem, eventually, forge};
use std::time::Duration;

on_every_storage! {
    logging_out_ends_this_session_and_no_other,
    an_old_token_of_a_session_still_logs_it_out,
    logging_out_everywhere_ends_every_session_of_this_user_only,
    an_ended_session_is_refused_at_once_by_auth_service_and_within_a_second_by_others,
    a_revoked_refresh_token_ends_its_session_and_a_revoked_access_token_only_itself,
}

async fn logging_out_ends_this_session_and_no_other(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    for _ in 0..3 {
        stack.auth.logout(&ada.tokens).await.expect(204);
    }
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    stack.auth.refresh(&phone).await.tokens();
}

async fn an_old_token_of_a_session_still_logs_it_out(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let phone = ada.another_device().await;
    let old = ada.tokens.clone();
    for _ in 0..4 {
        ada.refresh().await;
    }
    stack.auth.logout(&old).await.expect(204);
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    stack.auth.refresh(&phone).await.tokens();
}

async fn logging_out_everywhere_ends_every_session_of_this_user_only(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, mut bob) = (stack.ada().await, stack.bob().await);
    let phone = ada.another_device().await;
    stack.auth.logout_all(&phone).await.expect(204);
    for tokens in [&ada.tokens, &phone] {
        assert_problem(&stack.auth.refresh(tokens).await, 401, "session_ended");
        assert_problem(&stack.auth.me(tokens).await, 401, "token_invalid");
    }
    bob.refresh().await;
    stack.auth.refresh(&ada.another_device().await).await.tokens();
}

async fn an_ended_session_is_refused_at_once_by_auth_service_and_within_a_second_by_others(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let bob = stack.bob().await;
    stack.auth.logout(&ada.tokens).await.expect(204);
    assert_problem(&stack.auth.me(&ada.tokens).await, 401, "token_invalid");
    let refused = eventually("it is refused", Duration::from_secs(1), async || {
        let answer = stack.resource.whoami(&ada.tokens).await;
        (answer.status != 200).then_some(answer)
    });
    assert_problem(&refused.await, 401, "token_ended");
    stack.resource.whoami(&bob.tokens).await.expect(200);
}

/// RFC 7009.
async fn a_revoked_refresh_token_ends_its_session_and_a_revoked_access_token_only_itself(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let revoke = async |token: &str| {
        let form = format!("token={token}&token_type_hint=whatever&client_id=mine");
        stack.auth.post("/auth/revoke").body("application/x-www-form-urlencoded", form).send().await.expect(200)
    };
    let mut ada = stack.ada().await;
    let phone = ada.another_device().await;
    for _ in 0..2 {
        revoke(&ada.tokens.access).await;
        assert_problem(&stack.auth.me(&ada.tokens).await, 401, "token_invalid");
    }
    ada.refresh().await;
    stack.auth.me(&ada.tokens).await.expect(200);
    stack.auth.me(&phone).await.expect(200);
    for _ in 0..2 {
        revoke(&ada.tokens.refresh).await;
        assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
        assert_problem(&stack.auth.me(&ada.tokens).await, 401, "token_invalid");
    }
    stack.auth.me(&phone).await.expect(200);
    revoke("nonsense").await;
    revoke(&forge::with_flipped_signature(&phone.access)).await;
    stack.auth.me(&phone).await.expect(200);
}

#[tokio::test]
async fn a_revocation_takes_a_form_with_one_token() {
    let stack = Stack::any().start_auth().await;
    let post = async |kind: &str, body: &str| stack.auth.post("/auth/revoke").body(kind, body).send().await;
    const FORM: &str = "application/x-www-form-urlencoded";
    for without in ["", "token=", "token_type_hint=access_token"] {
        assert_problem(&post(FORM, without).await, 400, "invalid_request");
    }
    assert_problem(&post(FORM, "token=a&token=b").await, 422, "invalid_body");
    assert_problem(&post("application/json", r#"{"token":"a"}"#).await, 415, "unsupported_media_type");
    assert_problem(&post(FORM, &format!("token={}", "a".repeat(20_000))).await, 413, "body_too_large");
}

#[tokio::test]
async fn a_forged_token_logs_nobody_out() {
    let stack = Stack::any().start().await;
    let mut ada = stack.ada().await;
    let forged = ada.tokens.with_refresh(&forge::with_flipped_signature(&ada.tokens.refresh));
    let answer = stack.auth.logout(&forged).await;
    assert!(answer.status < 500, "{answer}");
    ada.refresh().await;
}

#[tokio::test]
async fn an_expired_session_can_be_logged_out_but_not_refreshed() {
    let stack = Stack::any().auth("AUTH_SESSION_IDLE", "1s").start().await;
    let ada = stack.ada().await;
    let over = harness::eventually("the session has expired", std::time::Duration::from_secs(15), || async {
        while forge::now() <= ada.tokens.refresh_claims()["exp"].as_i64().expect("exp is a number") {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let answer = stack.auth.refresh(&ada.tokens).await;
        (answer.status == 401).then_some(answer)
    })
    .await;
    assert!(["session_ended", "invalid_refresh_token"].contains(&over["code"].as_str().unwrap_or_default()), "{over}");
    stack.auth.logout(&ada.tokens).await.expect(204);
}
