//! Registration, login, and the end of an account.

use harness::{
    Answer, Stack, Storage, Transport,
    answer::assert_is_problem,
    assert_problem,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

on_every_storage! {
    registering_makes_a_reader_with_an_id,
    an_email_can_be_registered_once_whatever_its_case,
    the_email_may_be_typed_in_any_case_at_login,
    a_deleted_account_is_gone_with_its_sessions,
    concurrent_registrations_of_one_email_create_one_account,
}

async fn registering_makes_a_reader_with_an_id(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let body = json!({ "email": email, "password": password, "name": "Ada Lovelace ♥" });
    let ada = stack.auth.post("/auth/register").json(&body).send().await.expect(201);
    assert_eq!((&ada["email"], &ada["name"]), (&json!(email), &json!("Ada Lovelace ♥")), "{ada}");
    assert_eq!(ada["roles"], json!(["reader"]), "{ada}");
    assert!(!ada.body.contains(&password), "{ada}");
    let bob = stack.bob().await;
    assert_ne!(ada.id(), bob.id);
    let tokens = stack.auth.login(&email, &password, Transport::Body).await.tokens();
    let me = stack.auth.me(&tokens).await.expect(200);
    assert_eq!((&me["id"], &me["email"], &me["name"]), (&ada["id"], &ada["email"], &ada["name"]), "{me}");
}

#[tokio::test]
async fn users_get_all_that_is_known_of_them_and_nothing_of_others() {
    let stack = Stack::any().start_auth().await;
    let (ada, bob, admin) = (stack.ada().await, stack.bob().await, stack.admin().await);
    ada.another_device().await;
    let wrong = stack.auth.login(&ada.email, "not the password", Transport::Body).await;
    assert_problem(&wrong, 401, "invalid_credentials");
    let change = json!({ "custom": { "plan": "premium" } });
    stack.auth.change_user(&admin.tokens, &ada.id, &change).await.expect(200);
    let export = stack.auth.get("/auth/me/export").bearer(&ada.tokens.access).send().await.expect(200);
    let me: Value = serde_json::from_str(&stack.auth.me(&ada.tokens).await.expect(200).body).expect("JSON");
    assert_eq!(export["user"], me, "{export}");
    assert_eq!(export["user"]["custom"]["plan"], "premium");
    assert_eq!(export["sessions"].as_array().map(Vec::len), Some(2), "{export}");
    assert_eq!((&export["incidents"], &export["has_more_events"]), (&json!([]), &json!(false)));
    let events = export["events"].as_array().expect("a list");
    let known: Vec<(&str, &str)> =
        events.iter().filter_map(|event| Some((event["action"].as_str()?, event["result"].as_str()?))).collect();
    for expected in [("register", "success"), ("login", "success"), ("login", "failure"), ("user_change", "success")] {
        assert!(known.contains(&expected), "{export}");
    }
    assert!(events.iter().all(|event| event["user"] == json!(ada.id)), "{export}");
    for other in [&bob.id, &bob.email, &admin.id] {
        assert!(!export.body.contains(other.as_str()), "{export}");
    }
    assert!(!export.body.contains("argon2"), "{export}");
}

async fn an_email_can_be_registered_once_whatever_its_case(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    for email in [ada.email.clone(), ada.email.to_uppercase()] {
        assert_problem(&stack.auth.register(&email, &fresh_password()).await, 409, "email_taken");
    }
}

async fn the_email_may_be_typed_in_any_case_at_login(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (email, password) = (fresh_email("Ada.Lovelace"), fresh_password());
    let registered = stack.auth.register(&email, &password).await.expect(201);
    assert_eq!(registered["email"], email.to_lowercase(), "{registered}");
    for email in [email.to_lowercase(), email.to_uppercase()] {
        let tokens = stack.auth.login(&email, &password, Transport::Body).await.tokens();
        assert_eq!(tokens.claims()["sub"], registered["id"]);
    }
}

async fn a_deleted_account_is_gone_with_its_sessions(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    assert_problem(&stack.auth.delete_account(&phone, "not the password").await, 403, "wrong_password");
    stack.auth.me(&phone).await.expect(200);

    stack.auth.delete_account(&phone, &ada.password).await.expect(204);
    for tokens in [&ada.tokens, &phone] {
        assert_problem(&stack.auth.refresh(tokens).await, 401, "session_ended");
        assert_problem(&stack.auth.me(tokens).await, 401, "token_invalid");
    }
    let refused = stack.auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&refused, 401, "invalid_credentials");
    let again = stack.auth.register(&ada.email, &ada.password).await.expect(201);
    assert_ne!(again.id(), ada.id, "a new account has a new id");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}

async fn concurrent_registrations_of_one_email_create_one_account(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let answers = futures_util::future::join_all((0..4).map(|_| stack.auth.register(&email, &password))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, refused), (1, 3), "{answers:?}");
}

#[tokio::test]
async fn a_malformed_email_is_refused() {
    let stack = Stack::any().start().await;
    let too_long = format!("{}@example.org", "a".repeat(300));
    let invalid = [
        "",
        " ",
        "a",
        "a@",
        "@b",
        "@",
        "a b@example.org",
        "a@b@example.org",
        "a\u{0}@example.org",
        "a@exa mple.org",
        "<a@example.org>",
        &too_long,
    ];
    for email in invalid {
        let refused = stack.auth.register(email, &fresh_password()).await;
        eprintln!("{email:?}");
        assert_problem(&refused, 422, "invalid_email");
    }
}

#[tokio::test]
async fn an_unknown_email_gets_the_same_answer_as_a_wrong_password() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let wrong = stack.auth.login(&ada.email, &fresh_password(), Transport::Body).await;
    let unknown = stack.auth.login(&fresh_email("nobody"), &fresh_password(), Transport::Body).await;
    assert_problem(&wrong, 401, "invalid_credentials");
    assert_eq!(but_for_the_request(&wrong), but_for_the_request(&unknown));
}

#[tokio::test]
async fn a_login_and_a_refresh_answer_with_the_members_of_the_contract() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
    assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("Bearer"), &json!(900)), "{login}");
    assert_eq!(login.header("cache-control"), "no-store", "{login}");
    let refreshed = stack.auth.refresh(&login.tokens()).await.expect(200);
    assert_eq!(refreshed.header("cache-control"), "no-store", "{refreshed}");
    let members = |answer: &Answer| -> Vec<String> {
        let mut names: Vec<String> = answer.json.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        names
    };
    let expected = ["access_token", "csrf_token", "expires_in", "refresh_token", "session_id", "token_type"];
    assert_eq!(members(&login), expected, "{login}");
    assert_eq!(members(&refreshed), expected, "{refreshed}");
}

#[tokio::test]
async fn an_unknown_transport_is_refused() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    for transport in [json!("pigeon"), json!(1), json!(["cookie"])] {
        let body = json!({ "email": ada.email, "password": ada.password, "transport": transport });
        let refused = stack.auth.post("/auth/login").json(&body).send().await;
        assert!([400, 422].contains(&refused.status), "{refused}");
        assert_is_problem(&refused);
    }
}

fn but_for_the_request(answer: &Answer) -> (u16, Value, BTreeMap<String, String>) {
    // The headers exposed to other origins are listed in any order.
    let is_compared = |name: &str| !["date", "x-request-id"].contains(&name) && !name.starts_with("access-control-");
    let headers = answer.headers.iter().filter(|(name, _)| is_compared(name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (answer.status, answer.json.clone(), headers.collect())
}
