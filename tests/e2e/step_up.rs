//! Proof of who is at the keyboard now: what asks for it, and what it is worth.

use crate::second_factors::{claims, enrol, first_step, second_step, step_up};
use harness::{Stack, Tokens, Transport, assert_problem};
use serde_json::{Value, json};

#[tokio::test]
async fn a_stepped_up_token_is_gone_after_a_refresh() {
    let stack = Stack::any().start().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let old = claims(&ada.person.tokens.access);
    assert_eq!((&old["acr"], &old["amr"]), (&json!("1"), &json!(["pwd"])));
    assert_problem(&step_up(auth, &ada.person.tokens.access, json!({})).await, 422, "invalid_factor");
    let wrong = json!({ "password": "not the password", "totp": ada.app.next_code() });
    assert_problem(&step_up(auth, &ada.person.tokens.access, wrong).await, 403, "wrong_password");
    let half = json!({ "password": ada.person.password });
    let half = step_up(auth, &ada.person.tokens.access, half).await.expect(200);
    assert_eq!((&half["acr"], &half["amr"]), (&json!("1"), &json!(["pwd"])));
    let proof = json!({ "password": ada.person.password, "totp": ada.app.next_code() });
    let strong = step_up(auth, &ada.person.tokens.access, proof).await.expect(200);
    assert_eq!((&strong["acr"], &strong["expires_in"]), (&json!("2"), &json!(300)), "{strong}");
    let access = strong["access_token"].as_str().expect("a token");
    let said = claims(access);
    assert_eq!(said["sid"], old["sid"]);
    assert_eq!((&said["acr"], &said["amr"]), (&json!("2"), &json!(["pwd", "otp", "mfa"])));
    let verify = "/verify?acr=2&max_age=300";
    stack.resource.get(verify).bearer(access).send().await.expect(200);
    let weak = stack.resource.get(verify).bearer(&ada.person.tokens.access).send().await;
    assert_problem(&weak, 401, "authentication_insufficient");
    let refreshed = auth.refresh(&ada.person.tokens).await.tokens();
    assert_eq!(claims(&refreshed.access)["acr"], "1");
    let weak = stack.resource.get(verify).bearer(&refreshed.access).send().await;
    assert_problem(&weak, 401, "authentication_insufficient");
}

#[tokio::test]
async fn what_lets_a_user_in_is_changed_only_by_who_has_just_shown_both_factors() {
    let stack = Stack::any().start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let access = &ada.person.tokens.access;
    let calls = [
        ("POST", "/auth/totp", Value::Null),
        ("DELETE", "/auth/totp", Value::Null),
        ("POST", "/auth/recovery-codes", Value::Null),
        ("POST", "/auth/password", json!({ "current": ada.person.password, "new": "another long password" })),
        (
            "POST",
            "/auth/email",
            json!({ "new": "ada@elsewhere.example", "password": ada.person.password, "transport": "body" }),
        ),
        (
            "POST",
            "/auth/email/second",
            json!({ "new": "ada@elsewhere.example", "password": ada.person.password, "transport": "body" }),
        ),
        ("DELETE", "/auth/email/second", json!({ "password": ada.person.password })),
        ("DELETE", "/auth/me", json!({ "password": ada.person.password })),
    ];
    for (method, path, body) in &calls {
        let request = auth.request(method, path).bearer(access);
        let answer = if body.is_null() { request.send().await } else { request.json(body).send().await };
        assert_problem(&answer, 401, "authentication_insufficient");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{path}: {challenge}");
        assert!(challenge.contains(r#"acr_values="2 phr""#), "{path}: {challenge}");
    }
    let proof = json!({ "password": ada.person.password, "totp": ada.app.next_code() });
    let strong = step_up(auth, access, proof).await.expect(200);
    let strong = strong["access_token"].as_str().expect("a token");
    // The password need not be sent again.
    let change = json!({ "new": "another long password" });
    auth.post("/auth/password").bearer(strong).json(&change).send().await.expect(204);
    auth.request("DELETE", "/auth/totp").bearer(strong).send().await.expect(204);
    // Now it is all that the user has to show.
    let change = json!({ "new": "yet another long password" });
    let missing = auth.post("/auth/password").bearer(strong).json(&change).send().await;
    assert_problem(&missing, 422, "password_required");
    auth.login(&ada.person.email, "another long password", Transport::Body).await.tokens();
}

#[tokio::test]
async fn a_session_alone_is_not_enough_once_the_login_is_old() {
    let stack = Stack::any().auth("AUTH_STEP_UP_MAX_AGE", "10s").start_auth().await;
    let auth = &stack.auth;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let role = json!({ "roles": ["author"] });
    auth.change_user(&admin.tokens, &ada.id, &role).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let old = auth.change_user(&admin.tokens, &ada.id, &role).await;
    assert_problem(&old, 401, "authentication_insufficient");
    assert!(old.header("www-authenticate").contains(r#"max_age="10""#), "{old}");
    assert_problem(
        &auth.post("/auth/totp").bearer(&ada.tokens.access).send().await,
        401,
        "authentication_insufficient",
    );
    let change = json!({ "new": "another long password" });
    let change = auth.post("/auth/password").bearer(&ada.tokens.access).json(&change).send().await;
    assert_problem(&change, 401, "authentication_insufficient");
    // Without a second factor, the password is proof enough, as ever.
    let change = json!({ "current": ada.password, "new": "another long password" });
    auth.post("/auth/password").bearer(&ada.tokens.access).json(&change).send().await.expect(204);
    let fresh = step_up(auth, &admin.tokens.access, json!({ "password": admin.password })).await.expect(200);
    let fresh = Tokens { access: fresh["access_token"].as_str().expect("a token").to_owned(), ..admin.tokens.clone() };
    auth.change_user(&fresh, &ada.id, &role).await.expect(200);
}

#[tokio::test]
async fn a_step_up_takes_no_rights_away_from_a_session_that_had_them() {
    let stack = Stack::any().auth("AUTH_SECOND_FACTOR", "required").start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let (_, token) = first_step(auth, &ada.person).await;
    let tokens = second_step(auth, &token, json!({ "totp": ada.app.next_code() })).await.tokens();
    let again = json!({ "password": ada.person.password });
    let strong = step_up(auth, &tokens.access, again.clone()).await.expect(200);
    assert_eq!(claims(strong["access_token"].as_str().expect("a token"))["scope"], "books:read");
    // A session without it gains none, and no stepped-up token hands its rights on.
    let weak = step_up(auth, &ada.person.tokens.access, again.clone()).await.expect(200);
    assert_eq!(claims(weak["access_token"].as_str().expect("a token"))["scope"], "");
    let both = json!({ "password": ada.person.password, "recovery_code": ada.recovery_codes[0] });
    let strong = step_up(auth, &ada.person.tokens.access, both).await.expect(200);
    let strong = strong["access_token"].as_str().expect("a token");
    assert_eq!(claims(strong)["scope"], "books:read");
    let weak = step_up(auth, strong, again).await.expect(200);
    assert_eq!(claims(weak["access_token"].as_str().expect("a token"))["scope"], "");
}
