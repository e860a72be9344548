//! Every way of ending is in the feed within a second of its answer.

use super::feed::Reader;
use crate::{
    letters::{confirm, letter},
    recovery::{forgot, reset},
};
use harness::{
    Stack, Storage, Tokens,
    person::{fresh_email, fresh_password},
};
use serde_json::json;

on_every_storage! {
    what_users_end_is_in_the_feed,
    what_codes_from_mails_end_is_in_the_feed,
    what_a_theft_ends_is_in_the_feed,
    a_session_that_made_room_for_a_login_is_in_the_feed,
    what_admins_end_is_in_the_feed,
    what_commands_end_is_in_the_feed,
    a_demotion_and_a_changed_custom_claim_are_in_the_feed,
    who_registers_after_the_end_of_all_sessions_is_not_refused,
}

/// Checks that exactly the first of these are refused by the feed, and by auth-service.
async fn ended_are(stack: &Stack, reader: &mut Reader, what: &str, ended: &[&Tokens], spared: &[&Tokens]) {
    reader.within_a_second(&stack.auth, what, |held| ended.iter().all(|tokens| held.refuses(&tokens.access))).await;
    for tokens in spared {
        assert!(!reader.held.refuses(&tokens.access), "{what} ends too much: {}", tokens.claims());
        stack.auth.me(tokens).await.expect(200);
    }
    for tokens in ended {
        let until = reader.held.refuses_until(&tokens.access);
        assert!(until >= tokens.claims()["exp"].as_u64(), "{what} is forgotten at {until:?}: {}", tokens.claims());
        stack.auth.me(tokens).await.expect(401);
    }
}

async fn what_users_end_is_in_the_feed(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let [phone, tablet, laptop] = [ada.another_device().await, ada.another_device().await, ada.another_device().await];
    let reader = &mut Reader::caught_up(&stack).await;

    stack.auth.logout(&phone).await.expect(204);
    let left = [&tablet, &laptop, &ada.tokens, &bob.tokens];
    ended_are(&stack, reader, "a logout", &[&phone], &left).await;
    stack.auth.end_session(&ada.tokens, &tablet.session_id).await.expect(204);
    ended_are(&stack, reader, "the end of one device", &[&tablet], &left[1..]).await;
    stack.auth.change_password(&ada.tokens, &ada.password, &fresh_password()).await.expect(204);
    ended_are(&stack, reader, "a new password", &[&laptop], &left[2..]).await;
    let refreshed = stack.auth.refreshed(&ada.tokens).await;
    ended_are(&stack, reader, "a refresh", &[], &[&refreshed, &ada.tokens]).await;
    stack.auth.logout_all(&refreshed).await.expect(204);
    ended_are(&stack, reader, "a logout everywhere", &[&refreshed, &ada.tokens], &[&bob.tokens]).await;
    stack.auth.delete_account(&bob.tokens, &bob.password).await.expect(204);
    ended_are(&stack, reader, "a deletion", &[&bob.tokens], &[]).await;
}

async fn what_codes_from_mails_end_is_in_the_feed(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let reader = &mut Reader::caught_up(&stack).await;
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    let new = reset(&stack.auth, &asked.json, &mail.code, &fresh_password()).await.tokens();
    ended_are(&stack, reader, "a reset", &[&ada.tokens], &[&new, &bob.tokens]).await;

    let change = json!({ "new": fresh_email("new"), "password": bob.password, "transport": "body" });
    let asked = stack.auth.post("/auth/email").bearer(&bob.tokens.access).json(&change).send().await.expect(202);
    let mail = letter(&stack, change["new"].as_str().unwrap_or_default(), "address_change").await;
    confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await.expect(204);
    ended_are(&stack, reader, "a new address", &[], &[&new, &bob.tokens]).await;
    let undo = letter(&stack, &bob.email, "address_changed").await;
    confirm(&stack.auth, &undo.flow, &undo.code, None).await.expect(204);
    ended_are(&stack, reader, "an address given back", &[&bob.tokens], &[&new]).await;
}

async fn what_a_theft_ends_is_in_the_feed(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").prepare();
    for (ends, phone_is_spared) in [("user", false), ("session", true)] {
        stack.auth.set("AUTH_REUSE_ENDS", ends);
        stack.auth.start().await;
        let (mut ada, bob) = (stack.ada().await, stack.bob().await);
        let (phone, first) = (ada.another_device().await, ada.tokens.clone());
        let second = ada.refresh().await.clone();
        ada.refresh().await;
        let reader = &mut Reader::caught_up(&stack).await;
        stack.auth.refresh(&first).await.expect(401);
        let (mut ended, mut spared) = (vec![&first, &second, &ada.tokens], vec![&bob.tokens]);
        if phone_is_spared { &mut spared } else { &mut ended }.push(&phone);
        ended_are(&stack, reader, &format!("a theft that ends the {ends}"), &ended, &spared).await;
        stack.auth.stop();
    }
}

async fn a_session_that_made_room_for_a_login_is_in_the_feed(storage: Storage) {
    let stack = Stack::on(storage).unlimited().auth("AUTH_MAX_SESSIONS", "2").start_auth().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    let reader = &mut Reader::caught_up(&stack).await;
    let newest = stack.auth.refreshed(&phone).await;
    let tablet = ada.another_device().await;
    let spared = [&phone, &newest, &tablet];
    ended_are(&stack, reader, "a login beyond the limit", &[&ada.tokens], &spared).await;
}

async fn what_admins_end_is_in_the_feed(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let admin = stack.admin().await.tokens;
    let [ada, bob, eve, mia] =
        [stack.ada().await, stack.bob().await, stack.person("eve").await, stack.person("mia").await];
    let phone = ada.another_device().await;
    let reader = &mut Reader::caught_up(&stack).await;
    stack.auth.end_sessions_of(&admin, &ada.id).await.expect(204);
    let spared = [&admin, &mia.tokens];
    ended_are(&stack, reader, "an admin's end of sessions", &[&ada.tokens, &phone], &spared).await;
    stack.auth.change_user(&admin, &bob.id, &json!({ "disabled": true })).await.expect(200);
    ended_are(&stack, reader, "a disabling", &[&bob.tokens], &spared).await;
    stack.auth.change_user(&admin, &bob.id, &json!({ "disabled": false })).await.expect(200);
    let again = bob.another_device().await;
    ended_are(&stack, reader, "an enabling", &[&bob.tokens], &[&again]).await;
    stack.auth.delete_user(&admin, &eve.id).await.expect(204);
    ended_are(&stack, reader, "an admin's deletion", &[&eve.tokens], &spared).await;
}

async fn command(stack: &Stack, words: &[&str], input: &str) {
    let ended = stack.auth.command(words).input(input).ended().await;
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
}

async fn what_commands_end_is_in_the_feed(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let [ada, bob, eve, mia] =
        [stack.ada().await, stack.bob().await, stack.person("eve").await, stack.person("mia").await];
    let phone = ada.another_device().await;
    let reader = &mut Reader::caught_up(&stack).await;

    command(&stack, &["sessions", "end", &ada.email, &phone.session_id], "").await;
    let spared = [&bob.tokens, &eve.tokens, &mia.tokens];
    ended_are(&stack, reader, "sessions end USER SESSION", &[&phone], &[&ada.tokens, &mia.tokens]).await;
    command(&stack, &["sessions", "end", &ada.email], "").await;
    ended_are(&stack, reader, "sessions end USER", &[&ada.tokens], &spared).await;
    command(&stack, &["user", "set-password", &bob.email], &format!("{}\n", fresh_password())).await;
    ended_are(&stack, reader, "user set-password", &[&bob.tokens], &spared[1..]).await;
    command(&stack, &["user", "disable", &eve.id], "").await;
    ended_are(&stack, reader, "user disable", &[&eve.tokens], &spared[2..]).await;
    command(&stack, &["user", "delete", &ada.id, "--yes"], "").await;
    let again = stack.ada().await;
    command(&stack, &["user", "delete", &again.id, "--yes"], "").await;
    ended_are(&stack, reader, "user delete", &[&again.tokens], &spared[2..]).await;
    command(&stack, &["sessions", "end-all"], "").await;
    ended_are(&stack, reader, "sessions end-all", &[&mia.tokens, &bob.tokens], &[]).await;
    let (back, other) = (mia.another_device().await, mia.another_device().await);
    ended_are(&stack, reader, "a login afterwards", &[&mia.tokens], &[&back, &other]).await;
    stack.auth.change_password(&back, &mia.password, &fresh_password()).await.expect(204);
    ended_are(&stack, reader, "a new password afterwards", &[&other], &[&back]).await;
    stack.auth.logout_all(&back).await.expect(204);
    ended_are(&stack, reader, "a logout everywhere afterwards", &[&back], &[]).await;
}

async fn a_demotion_and_a_changed_custom_claim_are_in_the_feed(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let auth = &stack.auth;
    auth.change_user(&admin.tokens, &ada.id, &json!({ "roles": ["author", "reader"] })).await.expect(200);
    ada.refresh().await;
    let reader = &mut Reader::caught_up(&stack).await;
    for change in [json!({ "roles": ["reader"] }), json!({ "custom": { "plan": "free" } }), json!({ "custom": {} })] {
        let before = reader.held.revision(&ada.id);
        auth.change_user(&admin.tokens, &ada.id, &change).await.expect(200);
        let what = format!("the change {change}");
        reader.within_a_second(auth, &what, |held| held.revision(&ada.id) > before).await;
        assert_eq!(reader.held.revision(&admin.id), None, "rights of nobody else");
        ended_are(&stack, reader, &what, &[], &[&ada.tokens, &admin.tokens]).await;
    }
    let before = reader.held.revision(&ada.id);
    command(&stack, &["user", "set-roles", &ada.email, "author"], "").await;
    reader.within_a_second(auth, "user set-roles", |held| held.revision(&ada.id) > before).await;
}

async fn who_registers_after_the_end_of_all_sessions_is_not_refused(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let ada = stack.ada().await;
    for _ in 0..2 {
        command(&stack, &["sessions", "end-all"], "").await;
        let bob = stack.bob().await;
        let reader = &mut Reader::caught_up(&stack).await;
        ended_are(&stack, reader, "sessions end-all", &[&ada.tokens], &[&bob.tokens]).await;
        let refreshed = stack.auth.refreshed(&bob.tokens).await;
        ended_are(&stack, reader, "a refresh", &[], &[&bob.tokens, &refreshed]).await;
    }
}
