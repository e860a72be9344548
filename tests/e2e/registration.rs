//! Who gets an account, and from whom.

use harness::{
    Stack, Storage, Transport, assert_problem,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};

on_every_storage! {
    an_admin_creates_a_user_who_can_log_in,
}

async fn an_admin_creates_a_user_who_can_log_in(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REGISTRATION", "closed").start().await;
    let admin = stack.admin().await;
    let (email, password) = (fresh_email("Bob"), fresh_password());
    let bob = json!({
        "email": email, "password": password, "name": "Bob", "roles": ["author", "author"], "custom": { "plan": "pro" }
    });
    let made = stack.auth.create_user(&admin.tokens, &bob).await.expect(201);
    assert_eq!(made["email"], email.to_lowercase(), "{made}");
    assert_eq!((&made["name"], &made["roles"]), (&json!("Bob"), &json!(["author"])), "{made}");
    assert_eq!((&made["custom"], &made["disabled"]), (&json!({ "plan": "pro" }), &json!(false)), "{made}");
    assert!(!made.body.contains(&password), "{made}");
    assert_problem(&stack.auth.create_user(&admin.tokens, &bob).await, 409, "email_taken");

    let tokens = stack.auth.login(&email, &password, Transport::Body).await.tokens();
    assert_eq!((&tokens.claims()["custom"], &tokens.claims()["sub"]), (&json!({ "plan": "pro" }), &made["id"]));
    let me = stack.auth.me(&tokens).await.expect(200);
    assert_eq!((&me["roles"], &me["custom"]), (&made["roles"], &made["custom"]), "{me}");
    let path = format!("/admin/users/{}/audit?action=user_create", made.id());
    let events = stack.auth.get(&path).bearer(&admin.tokens.access).send().await.expect(200);
    assert_eq!(events["events"][0]["actor"], json!(admin.id), "{events}");
}

#[tokio::test]
async fn closed_registration_says_so_whatever_is_sent() {
    let stack = Stack::any().auth("AUTH_REGISTRATION", "closed").start_auth().await;
    let admin = stack.admin().await;
    for (email, password) in [
        (fresh_email("ada"), fresh_password()),
        (admin.email.clone(), fresh_password()),
        ("no address".to_owned(), "short".to_owned()),
    ] {
        let refused = stack.auth.register(&email, &password).await;
        assert_problem(&refused, 403, "registration_closed");
        assert!(
            refused.json["detail"].as_str().is_some_and(|detail| detail.contains("create an account")),
            "{refused}"
        );
    }
    let nonsense = stack.auth.post("/auth/register").body("text/plain", "x".repeat(100)).send().await;
    assert_problem(&nonsense, 403, "registration_closed");
    assert_eq!(stack.auth.users(&admin.tokens, "").await["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_user_who_cannot_be_created_is_refused_with_the_reason() {
    let stack = Stack::any().start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let user = |member: &str, value: Value| {
        let mut user = json!({ "email": fresh_email("bob"), "password": fresh_password() });
        user[member] = value;
        user
    };
    let refused = [
        (user("email", json!("bob")), 422, "invalid_email"),
        (user("email", json!(ada.email.to_uppercase())), 409, "email_taken"),
        (user("password", json!("password")), 422, "weak_password"),
        (user("password", json!("short")), 422, "weak_password"),
        (user("password", Value::Null), 422, "invalid_body"),
        (user("name", json!("\u{7}")), 422, "invalid_name"),
        (user("roles", json!(["emperor"])), 422, "unknown_role"),
        (user("roles", json!("reader")), 422, "invalid_body"),
        (user("custom", json!([])), 422, "invalid_body"),
        (user("custom", json!({ "x": "y".repeat(1024) })), 422, "custom_too_large"),
        (user("custom", (0..9).fold(json!({}), |inner, _| json!({ "a": inner }))), 422, "custom_too_deep"),
        (user("admin", json!(true)), 422, "invalid_body"),
    ];
    for (user, status, code) in refused {
        assert_problem(&stack.auth.create_user(&admin.tokens, &user).await, status, code);
    }
    let by_reader = stack.auth.create_user(&ada.tokens, &user("name", json!("Bob"))).await;
    assert_problem(&by_reader, 403, "insufficient_scope");
    let made = stack.auth.create_user(&admin.tokens, &user("name", Value::Null)).await.expect(201);
    assert_eq!(made["roles"], json!(["reader"]), "{made}");
}
