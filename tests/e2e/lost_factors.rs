//! Factors that go otherwise than by their user: with an account that somebody else had prepared or taken, and by an admin.

use crate::{
    letters::{confirm, hears, letter},
    second_factors::{enrol, first_step, step_up, verify},
};
use harness::{Stack, Transport, assert_problem, eventually, person::fresh_email};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn what_somebody_prepared_for_an_address_of_another_goes_when_that_one_comes() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let auth = &stack.auth;
    for by_reset in [false, true] {
        // Whoever registers need not read the mails of the address.
        let squatter = enrol(auth, stack.person(if by_reset { "reset" } else { "code" }).await).await;
        let email = &squatter.person.email;
        let path = if by_reset { "/auth/password/forgot" } else { "/auth/login/code" };
        let asked = auth.post(path).json(&json!({ "email": email, "transport": "body" })).send().await.expect(202);
        let mail = letter(&stack, email, if by_reset { "password_reset" } else { "login_code" }).await;
        let secret = asked["flow_secret"].as_str();
        let tokens = if by_reset {
            let reset = json!({ "flow": mail.flow, "code": mail.code, "flow_secret": secret, "new": "another long password", "transport": "body" });
            auth.post("/auth/password/reset").json(&reset).send().await.tokens()
        } else {
            confirm(auth, &mail.flow, &mail.code, secret).await.tokens()
        };
        let factors = auth.get("/auth/factors").bearer(&tokens.access).send().await.expect(200);
        assert_eq!((&factors["totp"], &factors["recovery_codes_left"]), (&Value::Null, &json!(0)), "{factors}");
    }
}

#[tokio::test]
async fn an_address_that_is_given_back_comes_without_the_factors_of_the_week_before() {
    let stack = Stack::any().start_auth().await;
    let (auth, thief) = (&stack.auth, stack.ada().await);
    verify(&stack, &thief).await;
    // The thief's app comes first, so that the change is made with it.
    let thief = enrol(auth, thief).await;
    let shown = json!({ "password": thief.person.password, "totp": thief.app.next_code() });
    let strong = step_up(auth, &thief.person.tokens.access, shown).await.expect(200);
    let new = fresh_email("thief");
    let change = json!({ "new": new, "transport": "body" });
    let asked = auth.post("/auth/email").bearer(strong["access_token"].as_str().expect("a token")).json(&change);
    let asked = asked.send().await.expect(202);
    let mail = letter(&stack, &new, "address_change").await;
    confirm(auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await.expect(204);
    let undo = letter(&stack, &thief.person.email, "address_changed").await;
    confirm(auth, &undo.flow, &undo.code, None).await.expect(204);
    // The owner sets a password by mail, and is not asked for what the thief has.
    let forgot = json!({ "email": thief.person.email, "transport": "body" });
    let asked = auth.post("/auth/password/forgot").json(&forgot).send().await.expect(202);
    let mail = letter(&stack, &thief.person.email, "password_reset").await;
    let reset = json!({ "flow": mail.flow, "code": mail.code, "flow_secret": asked["flow_secret"], "new": "another long password", "transport": "body" });
    auth.post("/auth/password/reset").json(&reset).send().await.tokens();
    auth.login(&thief.person.email, "another long password", Transport::Body).await.tokens();
}

#[tokio::test]
async fn an_admin_removes_lost_factors_and_the_user_hears_of_it() {
    let stack = Stack::any().start_auth().await;
    let auth = &stack.auth;
    let (admin, bob) = (stack.admin().await, stack.bob().await);
    let ada = enrol(auth, stack.ada().await).await;
    let path = format!("/admin/users/{}/factors", ada.person.id);
    let shown =
        auth.get(&format!("/admin/users/{}", ada.person.id)).bearer(&admin.tokens.access).send().await.expect(200);
    assert_eq!(shown["factors"], json!({ "totp": true, "passkeys": 0, "recovery_codes_left": 8 }), "{shown}");
    assert_problem(&auth.request("DELETE", &path).bearer(&bob.tokens.access).send().await, 403, "insufficient_scope");
    auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(202);
    assert_problem(&auth.refresh(&ada.person.tokens).await, 401, "session_ended");
    auth.login(&ada.person.email, &ada.person.password, Transport::Body).await.tokens();
    hears(&stack, &ada.person.email, "an administrator removed all second factors").await;
}

#[tokio::test]
async fn a_removal_by_an_admin_waits_and_the_user_can_stop_it() {
    let stack = Stack::any().auth("AUTH_FACTOR_RESET_DELAY", "1h").start_auth().await;
    let auth = &stack.auth;
    let admin = stack.admin().await;
    let ada = enrol(auth, stack.ada().await).await;
    let access = &ada.person.tokens.access;
    let stop = || auth.request("DELETE", "/auth/factors/reset").bearer(access).send();
    assert_problem(&stop().await, 404, "not_found");
    let path = format!("/admin/users/{}/factors", ada.person.id);
    let planned = auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(202);
    hears(&stack, &ada.person.email, "asked for the removal").await;
    let again = auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(202);
    assert_eq!(again["due_at"], planned["due_at"], "asking again does not put it off");
    let factors = auth.get("/auth/factors").bearer(access).send().await.expect(200);
    assert_eq!(factors["reset_due_at"], planned["due_at"], "{factors}");
    first_step(auth, &ada.person).await;
    stop().await.expect(204);
    let factors = auth.get("/auth/factors").bearer(access).send().await.expect(200);
    assert!(factors["reset_due_at"].is_null() && factors["totp"].is_object(), "{factors}");
}

#[tokio::test]
async fn an_admin_removes_the_factors_of_a_disabled_user_too() {
    let stack = Stack::any().start_auth().await;
    let auth = &stack.auth;
    let admin = stack.admin().await;
    let ada = enrol(auth, stack.ada().await).await;
    auth.change_user(&admin.tokens, &ada.person.id, &json!({ "disabled": true })).await.expect(200);
    let path = format!("/admin/users/{}/factors", ada.person.id);
    auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(202);
    auth.change_user(&admin.tokens, &ada.person.id, &json!({ "disabled": false })).await.expect(200);
    auth.login(&ada.person.email, &ada.person.password, Transport::Body).await.tokens();
}

#[tokio::test]
async fn a_planned_removal_happens_when_it_is_due() {
    let stack = Stack::any().auth("AUTH_FACTOR_RESET_DELAY", "1s").start_auth().await;
    let auth = &stack.auth;
    let admin = stack.admin().await;
    let ada = enrol(auth, stack.ada().await).await;
    let path = format!("/admin/users/{}/factors", ada.person.id);
    auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(202);
    // The chores come by every half minute.
    let removed = async || {
        let answer = auth.login(&ada.person.email, &ada.person.password, Transport::Body).await;
        (answer.status == 200).then_some(())
    };
    eventually("the factors are removed", Duration::from_secs(90), removed).await;
}
