//! Admins invite users, and send users to a new password.

use crate::{
    letters::{confirm, letter},
    recovery::reset,
};
use futures_util::future::join_all;
use harness::{
    Answer, Http, Stack, Storage, Tokens, Transport, assert_problem,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};

on_every_storage! {
    an_invited_user_chooses_a_password_and_has_the_roles_of_the_invitation,
}

async fn invite(auth: &Http, admin: &Tokens, email: &str, roles: Value) -> Answer {
    let body = json!({ "email": email, "roles": roles });
    auth.post("/admin/invitations").bearer(&admin.access).json(&body).send().await
}

async fn accept(auth: &Http, flow: &str, code: &str, password: &str) -> Answer {
    let body = json!({ "flow": flow, "code": code, "password": password, "name": "Bob", "transport": "body" });
    auth.post("/auth/confirm").json(&body).send().await
}

async fn listed(auth: &Http, admin: &Tokens) -> Answer {
    auth.get("/admin/invitations").bearer(&admin.access).send().await.expect(200)
}

async fn an_invited_user_chooses_a_password_and_has_the_roles_of_the_invitation(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REGISTRATION", "invite").start_auth().await;
    let admin = stack.admin().await;
    let (bob, password) = (fresh_email("bob"), fresh_password());
    let registered =
        stack.auth.post("/auth/register").json(&json!({ "email": bob, "password": password })).send().await;
    assert_problem(&registered, 403, "registration_closed");
    let invitation = invite(&stack.auth, &admin.tokens, &bob, json!(["author"])).await.expect(201);
    assert_eq!((&invitation["email"], &invitation["roles"]), (&json!(bob), &json!(["author"])), "{invitation}");
    assert_eq!(listed(&stack.auth, &admin.tokens).await["invitations"], json!([invitation.json]));
    let mail = letter(&stack, &bob, "invitation").await;
    assert_eq!(invitation["id"], json!(mail.flow));

    assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, None).await, 422, "password_required");
    assert_problem(&accept(&stack.auth, &mail.flow, &mail.code, "password1").await, 422, "weak_password");
    assert_problem(&stack.auth.login(&bob, &password, Transport::Body).await, 401, "invalid_credentials");
    let answers = join_all((0..5).map(|_| accept(&stack.auth, &mail.flow, &mail.code, &password))).await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(410)), (1, 4), "{answers:?}");
    let tokens = stack.auth.login(&bob, &password, Transport::Body).await.tokens();
    let me = stack.auth.me(&tokens).await.expect(200);
    assert_eq!((&me["roles"], &me["email_verified"], &me["name"]), (&json!(["author"]), &json!(true), &json!("Bob")));
    assert_eq!(listed(&stack.auth, &admin.tokens).await["invitations"], json!([]));
    assert_problem(&invite(&stack.auth, &admin.tokens, &bob, json!(["author"])).await, 409, "email_taken");
}

#[tokio::test]
async fn an_invitation_is_worth_what_the_one_who_sent_it_may_give_when_it_is_accepted() {
    let stack = Stack::any().start_auth().await;
    let (admin, eve) = (stack.admin().await, stack.bob().await);
    stack.auth.change_user(&admin.tokens, &eve.id, &json!({ "roles": ["admin"] })).await.expect(200);
    let invited = fresh_email("friend");
    invite(&stack.auth, &eve.tokens, &invited, json!(["admin"])).await.expect(201);
    let mail = letter(&stack, &invited, "invitation").await;
    stack.auth.change_user(&admin.tokens, &eve.id, &json!({ "roles": ["reader"] })).await.expect(200);
    let refused = accept(&stack.auth, &mail.flow, &mail.code, &fresh_password()).await;
    assert_problem(&refused, 410, "code_spent");
    let mine = invite(&stack.auth, &eve.tokens, &fresh_email("friend"), json!(["reader"])).await;
    assert_problem(&mine, 403, "insufficient_scope");
}

#[tokio::test]
async fn an_invitation_that_was_revoked_or_sent_again_is_worthless() {
    let stack = Stack::any().start_auth().await;
    let admin = stack.admin().await;
    let bob = fresh_email("bob");
    let first = invite(&stack.auth, &admin.tokens, &bob, json!(["reader"])).await.expect(201);
    let mail = letter(&stack, &bob, "invitation").await;
    // A second mail within a minute would be one too many: the admin is told so.
    assert_problem(&invite(&stack.auth, &admin.tokens, &bob, json!(["reader"])).await, 429, "too_many_requests");
    let path = format!("/admin/invitations/{}", first["id"].as_str().unwrap_or_default());
    stack.auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(204);
    assert_problem(&stack.auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await, 404, "not_found");
    assert_problem(&accept(&stack.auth, &mail.flow, &mail.code, &fresh_password()).await, 410, "code_spent");
    let unknown = format!("/admin/invitations/{}", admin.id);
    assert_problem(&stack.auth.request("DELETE", &unknown).bearer(&admin.tokens.access).send().await, 404, "not_found");
    assert_problem(
        &stack.auth.request("DELETE", "/admin/invitations/x").bearer(&admin.tokens.access).send().await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn nobody_is_invited_where_registration_is_closed_or_beyond_ones_own_rights() {
    let stack = Stack::any().auth("AUTH_REGISTRATION", "closed").start_auth().await;
    let admin = stack.admin().await;
    let refused = invite(&stack.auth, &admin.tokens, &fresh_email("bob"), json!(["reader"])).await;
    assert_problem(&refused, 403, "registration_closed");
    let stack = Stack::any().start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let refused = invite(&stack.auth, &ada.tokens, &fresh_email("bob"), json!(["reader"])).await;
    assert_problem(&refused, 403, "insufficient_scope");
    let unknown = invite(&stack.auth, &admin.tokens, &fresh_email("bob"), json!(["king"])).await;
    assert_problem(&unknown, 422, "unknown_role");
}

#[tokio::test]
async fn an_admin_starts_a_reset_and_sees_no_code() {
    let stack = Stack::any().start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let path = format!("/admin/users/{}/reset", ada.id);
    let started = stack.auth.post(&path).bearer(&admin.tokens.access).send().await.expect(202);
    assert_eq!(started.body, "");
    stack.auth.refresh(&ada.tokens).await.expect(200);
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
    let mail = letter(&stack, &ada.email, "password_reset_by_admin").await;
    let asked = json!({ "flow": mail.flow, "flow_secret": null });
    let new = fresh_password();
    assert_eq!(reset(&stack.auth, &asked, &mail.code, &new).await.status, 204);
    stack.auth.login(&ada.email, &new, Transport::Body).await.expect(200);
    let bob = stack.bob().await;
    assert_problem(&stack.auth.post(&path).bearer(&bob.tokens.access).send().await, 403, "insufficient_scope");
    let nobody = "/admin/users/0b6f2f0a-1111-4222-8333-444455556666/reset";
    assert_problem(&stack.auth.post(nobody).bearer(&admin.tokens.access).send().await, 404, "not_found");
}
