//! NUL characters, which JSON may hold and PostgreSQL may not.

use crate::bad_requests::assert_harmless;
use harness::{
    Stack, Storage, Transport,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};

on_every_storage! { nul_characters_break_nothing }

/// They must be refused before they reach PostgreSQL.
async fn nul_characters_break_nothing(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let (email, password) = (fresh_email("x"), fresh_password());
    let nul = format!("a\u{0}b{email}");
    let book = stack.resource.add_book(&admin.tokens, "x").await.expect(201).id();
    let user = format!("/admin/users/{}", ada.id);
    let patch = |change: Value| stack.auth.request("PATCH", &user).bearer(&admin.tokens.access).json(&change);
    let register = |body: Value| stack.auth.post("/auth/register").json(&body);
    let answers = [
        register(json!({ "email": nul, "password": password })).send().await,
        register(json!({ "email": email, "password": password, "name": nul })).send().await,
        register(json!({ "email": fresh_email("y"), "password": format!("\u{0}{password}") })).send().await,
        stack.auth.login(&nul, &password, Transport::Body).await,
        stack.auth.login(&ada.email, "\u{0}", Transport::Body).await,
        stack
            .auth
            .login_request(&ada.email, &ada.password, Transport::Body)
            .header("user-agent", "x\u{ff}y")
            .send()
            .await,
        patch(json!({ "roles": [nul] })).send().await,
        patch(json!({ "custom": { "x\u{0}": nul } })).send().await,
        stack.auth.users(&admin.tokens, "?q=%00").await,
        stack.auth.users(&admin.tokens, "?cursor=%00").await,
        stack.auth.end_session(&ada.tokens, "%00").await,
        stack.auth.refresh(&ada.tokens.with_refresh(&nul)).await,
        stack.resource.add_book(&admin.tokens, &nul).await,
        stack.resource.append(&admin.tokens, &book, &nul, &nul).await,
    ];
    for answer in answers {
        assert_harmless(&answer);
    }
}
