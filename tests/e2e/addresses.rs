//! The addresses of an account: changed with a code, given back from the old mailbox, a second one for notices.

use crate::{
    letters::{Letter, PATIENCE, confirm, letter},
    recovery::{forgot, reset},
};
use harness::{
    Answer, Http, Person, Stack, Storage, Tokens, Transport, assert_problem, eventually,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};

on_every_storage! {
    an_address_is_changed_by_the_code_from_the_new_mailbox_and_given_back_from_the_old_one,
    notices_go_to_a_second_address_too,
}

async fn change(auth: &Http, tokens: &Tokens, new: &str, password: &str) -> Answer {
    let body = json!({ "new": new, "password": password, "transport": "body" });
    auth.post("/auth/email").bearer(&tokens.access).json(&body).send().await
}

async fn kinds(stack: &Stack, address: &str) -> Vec<Value> {
    stack.auth.mails(address).await.iter().map(|mail| mail["kind"].clone()).collect()
}

/// The account of this person with another address.
async fn changed(stack: &Stack, ada: &Person, tokens: &Tokens) -> String {
    let new = fresh_email("new");
    let asked = change(&stack.auth, tokens, &new, &ada.password).await.expect(202);
    let mail = letter(stack, &new, "address_change").await;
    assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, None).await, 403, "other_client");
    let done = confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await;
    assert_eq!(done.status, 204, "{done}");
    new
}

async fn an_address_is_changed_by_the_code_from_the_new_mailbox_and_given_back_from_the_old_one(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let new = changed(&stack, &ada, &ada.tokens).await;
    let me = stack.auth.me(&ada.tokens).await.expect(200);
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(new), &json!(true)), "{me}");
    assert_problem(&stack.auth.login(&ada.email, &ada.password, Transport::Body).await, 401, "invalid_credentials");
    let intruder = stack.auth.login(&new, &ada.password, Transport::Body).await.tokens();
    let admin = stack.admin().await;
    let path = format!("/admin/users?q={new}");
    let found = stack.auth.get(&path).bearer(&admin.tokens.access).send().await.expect(200);
    assert_eq!(found["users"][0]["id"], json!(ada.id), "it is found by the new address: {found}");

    // Whoever has the old mailbox takes the account back, whatever was done since.
    let undo = letter(&stack, &ada.email, "address_changed").await;
    assert!(undo.text.contains("seven days"), "{}", undo.text);
    let notice = letter(&stack, &new, "address_changed").await;
    assert!(notice.code.is_empty(), "the new mailbox cannot undo it: {}", notice.text);
    let body = json!({ "current": ada.password, "new": fresh_password() });
    stack.auth.post("/auth/password").bearer(&intruder.access).json(&body).send().await.expect(204);
    let asked = forgot(&stack.auth, &new).await.expect(202);
    let of_intruder = letter(&stack, &new, "password_reset").await;
    assert_eq!(confirm(&stack.auth, &undo.flow, &undo.code, None).await.status, 204);
    for tokens in [&ada.tokens, &intruder] {
        assert_problem(&stack.auth.refresh(tokens).await, 401, "session_ended");
    }
    for password in [&ada.password, body["new"].as_str().unwrap_or_default()] {
        for email in [&ada.email, &new] {
            assert_problem(&stack.auth.login(email, password, Transport::Body).await, 401, "invalid_credentials");
        }
    }
    assert_problem(&reset(&stack.auth, &asked.json, &of_intruder.code, &fresh_password()).await, 410, "code_spent");
    assert_problem(&confirm(&stack.auth, &undo.flow, &undo.code, None).await, 410, "code_spent");
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let of_owner = letter(&stack, &ada.email, "password_reset").await;
    let tokens = reset(&stack.auth, &asked.json, &of_owner.code, &fresh_password()).await.tokens();
    assert_eq!(stack.auth.me(&tokens).await.expect(200)["email"], json!(ada.email));
}

/// The mail to this address with which a change is undone.
async fn with_a_link(stack: &Stack, address: &str) -> Letter {
    eventually("a mail with a link", PATIENCE, async || {
        let mail = letter(stack, address, "address_changed").await;
        (!mail.code.is_empty()).then_some(mail)
    })
    .await
}

/// Whoever has the password changes the address twice, and undoes the second change.
#[tokio::test]
async fn nothing_that_a_thief_does_keeps_the_first_mailbox_from_taking_the_account_back() {
    let stack = Stack::any().start_auth().await;
    let mut ada = stack.ada().await;
    let first = ada.email.clone();
    ada.email = changed(&stack, &ada, &ada.tokens).await;
    changed(&stack, &ada, &ada.tokens).await;
    let of_thief = with_a_link(&stack, &ada.email).await;
    assert_eq!(confirm(&stack.auth, &of_thief.flow, &of_thief.code, None).await.status, 204);
    // The thief has the account again, and registers the first address for good measure.
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    reset(&stack.auth, &asked.json, &mail.code, &fresh_password()).await.expect(200);
    let squatter = json!({ "email": first, "password": fresh_password() });
    let squatted = stack.auth.post("/auth/register").json(&squatter).send().await;
    assert_problem(&squatted, 409, "email_taken");

    let undo = with_a_link(&stack, &first).await;
    assert_eq!(confirm(&stack.auth, &undo.flow, &undo.code, None).await.status, 204);
    eventually("a notice of the undoing", PATIENCE, async || {
        let told = letter(&stack, &first, "address_changed").await;
        told.code.is_empty().then_some(())
    })
    .await;
    let asked = forgot(&stack.auth, &first).await.expect(202);
    let mail = letter(&stack, &first, "password_reset").await;
    let tokens = reset(&stack.auth, &asked.json, &mail.code, &fresh_password()).await.tokens();
    let me = stack.auth.me(&tokens).await.expect(200);
    assert_eq!((&me["id"], &me["email"]), (&json!(ada.id), &json!(first)), "{me}");
}

#[tokio::test]
async fn a_change_of_address_asks_for_the_password_and_is_void_after_a_new_one() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let new = fresh_email("new");
    assert_problem(&change(&stack.auth, &ada.tokens, &new, "not the password").await, 403, "wrong_password");
    assert_problem(&change(&stack.auth, &ada.tokens, &ada.email, &ada.password).await, 422, "same_email");
    assert_problem(&change(&stack.auth, &ada.tokens, "nonsense", &ada.password).await, 422, "invalid_email");
    assert!(kinds(&stack, &new).await.is_empty());
    let asked = change(&stack.auth, &ada.tokens, &new, &ada.password).await.expect(202);
    let mail = letter(&stack, &new, "address_change").await;
    let body = json!({ "current": ada.password, "new": fresh_password() });
    stack.auth.post("/auth/password").bearer(&ada.tokens.access).json(&body).send().await.expect(204);
    let late = confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await;
    assert_problem(&late, 410, "code_spent");
    assert_eq!(stack.auth.me(&ada.tokens).await.expect(200)["email"], json!(ada.email));
}

#[tokio::test]
async fn an_address_that_another_account_has_is_not_taken_over_and_not_revealed() {
    let stack = Stack::any().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let free = change(&stack.auth, &ada.tokens, &fresh_email("free"), &ada.password).await.expect(202);
    let taken = change(&stack.auth, &ada.tokens, &bob.email, &ada.password).await.expect(202);
    let members = |answer: &Answer| answer.json.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
    assert_eq!(members(&free), members(&taken));
    letter(&stack, &bob.email, "already_registered").await;
    assert_eq!(kinds(&stack, &bob.email).await, ["already_registered"]);
    // An address that is free when it is asked for, and taken when the code comes back.
    let late = fresh_email("late");
    let asked = change(&stack.auth, &ada.tokens, &late, &ada.password).await.expect(202);
    let mail = letter(&stack, &late, "address_change").await;
    let squatter = json!({ "email": late, "password": fresh_password() });
    stack.auth.post("/auth/register").json(&squatter).send().await.expect(201);
    let refused = confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await;
    assert_problem(&refused, 410, "code_spent");
}

async fn notices_go_to_a_second_address_too(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let ada = stack.ada().await;
    let second = fresh_email("second");
    let body = json!({ "new": second, "password": ada.password, "transport": "body" });
    let set = async || stack.auth.post("/auth/email/second").bearer(&ada.tokens.access).json(&body).send().await;
    set().await.expect(202);
    assert_eq!(stack.auth.me(&ada.tokens).await.expect(200)["second_email"], Value::Null);
    let mail = letter(&stack, &second, "address_verification").await;
    assert_eq!(confirm(&stack.auth, &mail.flow, &mail.code, None).await.status, 204);
    assert_eq!(stack.auth.me(&ada.tokens).await.expect(200)["second_email"], json!(second));
    letter(&stack, &ada.email, "second_address_changed").await;

    // Both are told of a recovery; only the first one gets the code.
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    let new = fresh_password();
    let tokens = reset(&stack.auth, &asked.json, &mail.code, &new).await.tokens();
    for address in [&ada.email, &second] {
        letter(&stack, address, "password_changed").await;
    }
    assert!(!kinds(&stack, &second).await.contains(&json!("password_reset")));
    assert_problem(&stack.auth.login(&second, &new, Transport::Body).await, 401, "invalid_credentials");
    let before = kinds(&stack, &second).await.len();
    forgot(&stack.auth, &second).await.expect(202);
    assert_eq!(kinds(&stack, &second).await.len(), before, "it is nobody's address to log in with");

    let remove = async |password: &str| {
        let body = json!({ "password": password });
        stack.auth.request("DELETE", "/auth/email/second").bearer(&tokens.access).json(&body).send().await
    };
    assert_problem(&remove(&ada.password).await, 403, "wrong_password");
    for _ in 0..2 {
        remove(&new).await.expect(204);
    }
    assert_eq!(stack.auth.me(&tokens).await.expect(200)["second_email"], Value::Null);
}

#[tokio::test]
async fn where_it_is_asked_for_only_users_with_a_verified_address_log_in() {
    let stack = Stack::any().auth("AUTH_UNVERIFIED", "block").auth("AUTH_REGISTRATION", "invite").start_auth().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let user = ["user", "create", "--email", &email];
    assert_eq!(stack.auth.command(&user).input(&format!("{password}\n")).ended().await.code, Some(0));
    assert_problem(&stack.auth.login(&email, "another password", Transport::Body).await, 401, "invalid_credentials");
    assert!(stack.auth.mails(&email).await.is_empty());
    assert_problem(&stack.auth.login(&email, &password, Transport::Body).await, 403, "email_unverified");
    let mail = letter(&stack, &email, "address_verification").await;
    assert_eq!(confirm(&stack.auth, &mail.flow, &mail.code, None).await.status, 204);
    stack.auth.login(&email, &password, Transport::Body).await.expect(200);
}
