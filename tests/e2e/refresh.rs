//! The refresh protocol (docs/sessions.md) for an honest client: it is never logged out.

use harness::{Stack, Storage, assert_problem, forge};
use serde_json::json;
use std::time::Duration;

on_every_storage! {
    a_refresh_hands_out_another_refresh_token_of_the_same_session,
    within_the_window_the_newest_token_is_handed_out_again,
    a_lost_response_is_made_good_within_the_window,
    a_late_retry_gets_another_token,
    a_client_that_loses_every_second_response_is_never_logged_out,
    a_slow_tab_with_an_older_token_is_brought_up_to_date_within_the_window,
    a_forged_refresh_token_is_refused_and_harms_nobody,
}

async fn a_refresh_hands_out_another_refresh_token_of_the_same_session(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let login = ada.tokens.clone();
    let refreshed = ada.refresh().await.clone();
    assert_ne!(refreshed.refresh, login.refresh);
    assert_ne!(refreshed.access, login.access);
    let (before, after) = (login.refresh_claims(), refreshed.refresh_claims());
    for claim in ["iss", "sub", "sid", "epoch", "transport", "auth_time"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert_eq!(after["gen"].as_u64(), before["gen"].as_u64().map(|generation| generation + 1));
    assert_eq!(after["fam"], before["jti"], "a family is named by its parent");
    assert_eq!(stack.resource.whoami(&refreshed).await.expect(200)["sid"], login.session_id);
}

async fn within_the_window_the_newest_token_is_handed_out_again(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let newest = ada.refresh().await.clone();
    for _ in 0..3 {
        let again = ada.refresh().await;
        assert_eq!(again.refresh, newest.refresh);
        assert_ne!(again.access, newest.access, "the access token is a new one");
    }
}

async fn a_lost_response_is_made_good_within_the_window(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let lost = stack.auth.refresh(&ada.tokens).await.tokens();
    let retried = stack.auth.refresh(&ada.tokens).await.tokens();
    assert_eq!(retried.refresh, lost.refresh);
    assert_eq!(stack.auth.refresh(&retried).await.tokens().refresh, lost.refresh);
}

async fn a_late_retry_gets_another_token(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let ada = stack.ada().await;
    let lost = stack.auth.refresh(&ada.tokens).await.tokens();
    let retried = stack.auth.refresh(&ada.tokens).await.tokens();
    assert_ne!(retried.refresh, lost.refresh);
    assert_eq!(retried.refresh_claims()["fam"], lost.refresh_claims()["fam"], "both are of one family");
    stack.auth.refresh(&retried).await.tokens();
}

async fn a_client_that_loses_every_second_response_is_never_logged_out(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    for _ in 0..10 {
        let _lost = stack.auth.refresh(&ada.tokens).await.tokens();
        ada.refresh().await;
    }
    stack.resource.whoami(&ada.tokens).await.expect(200);
}

async fn a_slow_tab_with_an_older_token_is_brought_up_to_date_within_the_window(storage: Storage) {
    let window = Duration::from_secs(3);
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "3s").start().await;
    let ada = stack.ada().await;
    let first = stack.auth.refresh(&ada.tokens).await.tokens();
    tokio::time::sleep(window + Duration::from_millis(100)).await;
    let second = stack.auth.refresh(&first).await.tokens();
    assert_ne!(second.refresh, first.refresh, "the window is over: the token changes");
    let slow_tab = stack.auth.refresh(&ada.tokens).await.tokens();
    assert_eq!(slow_tab.refresh, second.refresh);
}

async fn a_forged_refresh_token_is_refused_and_harms_nobody(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let real = ada.tokens.refresh.clone();
    let forged = [
        forge::with_flipped_signature(&real),
        forge::with_changed_claims(&real, |claims| claims["gen"] = json!(99)),
        forge::with_changed_claims(&real, |claims| claims["transport"] = json!("cookie")),
        forge::unsigned(&json!({ "alg": "none", "typ": "rt+jwt" }), &forge::claims_of(&real)),
        forge::signed_with_secret(&forge::header_of(&real), &forge::claims_of(&real), b"guess"),
        real[..real.len() - 1].to_owned(),
        format!("{real}A"),
        format!("{real}.x"),
        ada.tokens.access.clone(),
        "x".to_owned(),
        "..".to_owned(),
        "\u{0}\u{1F511}".to_owned(),
    ];
    for token in forged {
        let refused = stack.auth.refresh(&ada.tokens.with_refresh(&token)).await;
        assert_problem(&refused, 401, "invalid_refresh_token");
        assert!(token.len() < 5 || !refused.body.contains(&token), "the token is repeated\n{refused}");
    }
    ada.refresh().await;
}
