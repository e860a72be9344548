//! Login with a code from a mail instead of the password.

use crate::letters::{another, confirm, letter};
use harness::{Answer, Http, Stack, Storage, Transport, assert_problem, person::fresh_email};
use serde_json::json;

on_every_storage! {
    a_code_logs_in_the_client_that_asked_for_it,
}

async fn ask(auth: &Http, email: &str) -> Answer {
    auth.post("/auth/login/code").json(&json!({ "email": email, "transport": "body" })).send().await
}

async fn a_code_logs_in_the_client_that_asked_for_it(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let ada = stack.ada().await;
    let asked = ask(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "login_code").await;
    let secret = asked["flow_secret"].as_str();
    assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, None).await, 403, "other_client");
    assert_problem(&confirm(&stack.auth, &mail.flow, &another(&mail.code), secret).await, 422, "code_wrong");
    let tokens = confirm(&stack.auth, &mail.flow, &mail.code, secret).await.tokens();
    let me = stack.auth.me(&tokens).await.expect(200);
    assert_eq!((&me["id"], &me["email_verified"]), (&json!(ada.id), &json!(true)), "{me}");
    assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, secret).await, 410, "code_spent");
    // Nobody knows who had registered the address before it was verified.
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    assert_problem(&stack.auth.login(&ada.email, &ada.password, Transport::Body).await, 401, "invalid_credentials");
}

#[tokio::test]
async fn a_login_by_code_ends_the_session_of_the_cookie_that_it_replaces() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let ada = stack.ada_in_a_browser().await;
    let body = json!({ "email": ada.email });
    let asked = stack.auth.post("/auth/login/code").json(&body).send().await.expect(202);
    let flow = asked.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let mail = letter(&stack, &ada.email, "login_code").await;
    let both = format!("{flow}; jeton-refresh={}", ada.tokens.refresh);
    let shown = json!({ "flow": mail.flow, "code": mail.code });
    let answer = stack.auth.post("/auth/confirm").header("cookie", &both).json(&shown).send().await.expect(200);
    assert!(answer["refresh_token"].is_null(), "{answer}");
    let sessions = stack.auth.get("/auth/sessions").bearer(answer["access_token"].as_str().unwrap_or_default());
    let sessions = sessions.send().await.expect(200);
    assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1), "{sessions}");
}

#[tokio::test]
async fn codes_to_log_in_with_are_off_unless_they_are_asked_for() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    for email in [&ada.email, &fresh_email("nobody")] {
        assert_problem(&ask(&stack.auth, email).await, 403, "login_code_off");
    }
    assert!(stack.auth.mails(&ada.email).await.is_empty());
}

#[tokio::test]
async fn nobody_hears_whether_an_address_could_log_in_by_code() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "disabled": true })).await.expect(200);
    let unknown = fresh_email("nobody");
    let asked =
        [ask(&stack.auth, &admin.email).await, ask(&stack.auth, &ada.email).await, ask(&stack.auth, &unknown).await];
    for answer in &asked {
        assert_eq!((answer.status, answer.header_names()), (202, asked[0].header_names()), "{answer}");
        let secret = answer["flow_secret"].as_str();
        let flow = answer["flow"].as_str().unwrap_or_default();
        assert_problem(&confirm(&stack.auth, flow, "0000-0000", secret).await, 422, "code_wrong");
    }
    letter(&stack, &admin.email, "login_code").await;
    for address in [&ada.email, &unknown] {
        let mails = stack.auth.mails(address).await;
        assert!(!mails.iter().any(|mail| mail["kind"] == "login_code"), "{mails:?}");
    }
}

#[tokio::test]
async fn the_audit_log_says_which_logins_showed_a_code() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let asked = ask(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "login_code").await;
    confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await.tokens();
    let path = format!("/admin/users/{}/audit?action=login", ada.id);
    let logins = stack.auth.get(&path).bearer(&admin.tokens.access).send().await.expect(200);
    let how: Vec<_> = logins["events"].as_array().into_iter().flatten().map(|login| login["details"].clone()).collect();
    assert_eq!(how, [json!({ "by": "email" }), json!({})], "newest first");
}
