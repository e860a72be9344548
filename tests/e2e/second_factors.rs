//! Logins in two steps, and proof of who is at the keyboard now.

use crate::letters::{confirm, letter};
use futures_util::future::join_all;
use harness::{Answer, AuthenticatorApp, Http, Person, Stack, Storage, Transport, assert_problem};
use serde_json::{Value, json};

on_every_storage! {
    a_user_with_an_app_logs_in_in_two_steps,
    a_login_is_completed_once_however_often_it_is_tried_at_once,
    six_wrong_codes_over_three_logins_are_too_many,
    a_trusted_browser_is_not_asked_until_the_password_is_changed,
}

/// Somebody with an authenticator app.
pub struct Enrolled {
    /// Who.
    pub person: Person,
    /// The app.
    pub app: AuthenticatorApp,
    /// The recovery codes.
    pub recovery_codes: Vec<String>,
}

/// Sets up an app. Its current code is used up.
pub async fn enrol(auth: &Http, person: Person) -> Enrolled {
    let begun = auth.post("/auth/totp").bearer(&person.tokens.access).send().await.expect(201);
    let app = AuthenticatorApp::with(begun["secret"].as_str().expect("a secret"));
    let confirmed = auth.post("/auth/totp/confirm").bearer(&person.tokens.access);
    let confirmed = confirmed.json(&json!({ "code": app.code() })).send().await.expect(200);
    let codes = confirmed["recovery_codes"].as_array().expect("a list").iter();
    let recovery_codes = codes.map(|code| code.as_str().expect("a text").to_owned()).collect();
    Enrolled { person, app, recovery_codes }
}

/// Shows that the person reads the mails of the account's address.
pub async fn verify(stack: &Stack, person: &Person) {
    let asked = stack.auth.post("/auth/email/verify").bearer(&person.tokens.access);
    let asked = asked.json(&json!({ "transport": "body" })).send().await.expect(202);
    let mail = letter(stack, &person.email, "address_verification").await;
    confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await.expect(204);
}

/// The first step, and the token that it gives.
pub async fn first_step(auth: &Http, person: &Person) -> (Answer, String) {
    let answer = auth.login(&person.email, &person.password, Transport::Body).await;
    assert_problem(&answer, 403, "second_factor_required");
    let token = answer["second_factor_token"].as_str().expect("a token").to_owned();
    (answer, token)
}

pub async fn second_step(auth: &Http, token: &str, factor: Value) -> Answer {
    let mut body = json!({ "second_factor_token": token, "transport": "body" });
    body.as_object_mut().expect("an object").extend(factor.as_object().expect("an object").clone());
    auth.post("/auth/login/second-factor").json(&body).send().await
}

pub async fn step_up(auth: &Http, access: &str, shown: Value) -> Answer {
    auth.post("/auth/reauthenticate").bearer(access).json(&shown).send().await
}

pub fn claims(access: &str) -> Value {
    testkit::claims_of(access)
}

async fn a_user_with_an_app_logs_in_in_two_steps(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let (answer, token) = first_step(auth, &ada.person).await;
    assert_eq!(answer["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(answer["expires_in"], 300);
    assert_problem(&second_step(auth, &token, json!({})).await, 422, "invalid_factor");
    let both = json!({ "totp": ada.app.next_code(), "recovery_code": ada.recovery_codes[0] });
    assert_problem(&second_step(auth, &token, both).await, 422, "invalid_factor");
    let wrong = json!({ "totp": ada.app.wrong_code() });
    assert_problem(&second_step(auth, &token, wrong).await, 401, "invalid_second_factor");
    let used = json!({ "totp": ada.app.code_at(testkit::now() - 30) });
    assert_problem(&second_step(auth, &token, used).await, 401, "invalid_second_factor");

    let tokens = second_step(auth, &token, json!({ "totp": ada.app.next_code() })).await.tokens();
    let said = claims(&tokens.access);
    assert_eq!((&said["acr"], &said["amr"]), (&json!("2"), &json!(["pwd", "otp", "mfa"])), "{said}");
    let tokens = auth.refresh(&tokens).await.tokens();
    let refreshed = claims(&tokens.access);
    for claim in ["acr", "amr", "auth_time"] {
        assert_eq!(refreshed[claim], said[claim], "{claim}");
    }
    let again = json!({ "recovery_code": ada.recovery_codes[0] });
    assert_problem(&second_step(auth, &token, again).await, 401, "second_factor_expired");
    let (_, token) = first_step(auth, &ada.person).await;
    let by_code = second_step(auth, &token, json!({ "recovery_code": ada.recovery_codes[1] })).await.tokens();
    assert_eq!(claims(&by_code.access)["amr"], json!(["pwd", "recovery", "mfa"]));
}

async fn a_login_is_completed_once_however_often_it_is_tried_at_once(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let ada = enrol(&stack.auth, stack.ada().await).await;
    let (_, token) = first_step(&stack.auth, &ada.person).await;
    let code = ada.app.next_code();
    let tries = (0..5).map(|_| second_step(&stack.auth, &token, json!({ "totp": code })));
    let answers = join_all(tries).await;
    let successes = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(successes, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
}

async fn six_wrong_codes_over_three_logins_are_too_many(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let wrong = json!({ "totp": ada.app.wrong_code() });
    for attempt in 0..6 {
        let (_, token) = first_step(auth, &ada.person).await;
        let answer = second_step(auth, &token, wrong.clone()).await;
        if attempt < 5 {
            assert_problem(&answer, 401, "invalid_second_factor");
        } else {
            assert_problem(&answer, 429, "too_many_attempts");
            assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=900).contains(&seconds)));
        }
    }
    let (_, token) = first_step(auth, &ada.person).await;
    let right = json!({ "totp": ada.app.next_code() });
    assert_problem(&second_step(auth, &token, right).await, 429, "too_many_attempts");
    // The session that there is goes on.
    auth.refresh(&ada.person.tokens).await.tokens();
}

async fn a_trusted_browser_is_not_asked_until_the_password_is_changed(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let (_, token) = first_step(auth, &ada.person).await;
    let trusted =
        second_step(auth, &token, json!({ "totp": ada.app.next_code(), "trust_device": true })).await.expect(200);
    let cookies: Vec<&str> =
        trusted.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok()).collect();
    let device = cookies.iter().find(|cookie| cookie.starts_with("jeton-device=")).expect("a cookie");
    assert!(
        device.contains("HttpOnly") && device.contains("SameSite=Strict") && device.contains("Max-Age=2592000"),
        "{device}"
    );
    let device = device.split(';').next().expect("a cookie");
    let login = |cookie: String| {
        let body = json!({ "email": ada.person.email, "password": ada.person.password, "transport": "body" });
        auth.post("/auth/login").header("cookie", &cookie).json(&body).send()
    };
    let spared = login(device.to_owned()).await.tokens();
    assert_eq!((&claims(&spared.access)["acr"], &claims(&spared.access)["amr"]), (&json!("1"), &json!(["pwd"])));
    let mut forged = device.to_owned();
    forged.pop();
    assert_problem(&login(forged).await, 403, "second_factor_required");
    let stranger = stack.person("bob").await;
    let body = json!({ "email": stranger.email, "password": stranger.password, "transport": "body" });
    auth.post("/auth/login").header("cookie", device).json(&body).send().await.tokens();

    let listed =
        auth.get("/auth/trusted-devices").bearer(&spared.access).header("cookie", device).send().await.expect(200);
    assert_eq!(listed["trusted_devices"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["trusted_devices"][0]["current"], true);
    // A trusted device is never enough for what asks for a second factor.
    assert_problem(&auth.post("/auth/totp").bearer(&spared.access).send().await, 401, "authentication_insufficient");

    let proof = json!({ "password": ada.person.password, "recovery_code": ada.recovery_codes[0] });
    let strong = step_up(auth, &spared.access, proof).await.expect(200);
    let change = json!({ "current": ada.person.password, "new": "another long password" });
    let change = auth.post("/auth/password").bearer(strong["access_token"].as_str().expect("a token")).json(&change);
    change.send().await.expect(204);
    let body = json!({ "email": ada.person.email, "password": "another long password", "transport": "body" });
    let asked = auth.post("/auth/login").header("cookie", device).json(&body).send().await;
    assert_problem(&asked, 403, "second_factor_required");
}

#[tokio::test]
async fn a_first_step_is_worthless_after_the_password_was_changed() {
    let stack = Stack::any().start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let (_, token) = first_step(auth, &ada.person).await;
    let proof = json!({ "password": ada.person.password, "recovery_code": ada.recovery_codes[0] });
    let strong = step_up(auth, &ada.person.tokens.access, proof).await.expect(200);
    let change = json!({ "current": ada.person.password, "new": "another long password" });
    let change = auth.post("/auth/password").bearer(strong["access_token"].as_str().expect("a token")).json(&change);
    change.send().await.expect(204);
    let late = second_step(auth, &token, json!({ "totp": ada.app.next_code() })).await;
    assert_problem(&late, 401, "second_factor_expired");
    for forged in ["", "a.b", &token[..token.len() - 1]] {
        let answer = second_step(auth, forged, json!({ "totp": ada.app.next_code() })).await;
        assert_problem(&answer, 401, "second_factor_expired");
    }
}

#[tokio::test]
async fn a_reset_of_the_password_does_not_bypass_the_second_factor() {
    let stack = Stack::any().start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    verify(&stack, &ada.person).await;
    let email = &ada.person.email;
    let asked = json!({ "email": email, "transport": "body" });
    let asked = auth.post("/auth/password/forgot").json(&asked).send().await.expect(202);
    let mail = letter(&stack, email, "password_reset").await;
    let reset = json!({
        "flow": mail.flow, "code": mail.code, "new": "another long password",
        "flow_secret": asked["flow_secret"], "transport": "body",
    });
    auth.post("/auth/password/reset").json(&reset).send().await.expect(204);
    let answer = auth.login(email, "another long password", Transport::Body).await;
    assert_problem(&answer, 403, "second_factor_required");
}

#[tokio::test]
async fn a_login_by_code_asks_for_the_second_factor_too() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    verify(&stack, &ada.person).await;
    let asked = json!({ "email": ada.person.email, "transport": "body" });
    let asked = auth.post("/auth/login/code").json(&asked).send().await.expect(202);
    let mail = letter(&stack, &ada.person.email, "login_code").await;
    let answer = confirm(auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await;
    assert_problem(&answer, 403, "second_factor_required");
    let token = answer["second_factor_token"].as_str().expect("a token");
    let tokens = second_step(auth, token, json!({ "totp": ada.app.next_code() })).await.tokens();
    assert_eq!(claims(&tokens.access)["amr"], json!(["email", "otp", "mfa"]));
}

#[tokio::test]
async fn where_a_second_factor_is_asked_for_a_user_without_one_may_only_add_it() {
    let stack = Stack::any().auth("AUTH_SECOND_FACTOR", "required").start().await;
    let auth = &stack.auth;
    let ada = stack.ada().await;
    let said = claims(&ada.tokens.access);
    assert_eq!((&said["scope"], &said["roles"]), (&json!(""), &json!([])), "{said}");
    let answer = auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
    assert_eq!(answer["second_factor_missing"], true, "{answer}");
    let factors = auth.get("/auth/factors").bearer(&ada.tokens.access).send().await.expect(200);
    assert_eq!(factors["second_factor_needed"], true, "{factors}");
    let read = stack.resource.get("/books").bearer(&ada.tokens.access).send().await;
    assert_problem(&read, 403, "insufficient_scope");

    let ada = enrol(auth, ada).await;
    let (_, token) = first_step(auth, &ada.person).await;
    let tokens = second_step(auth, &token, json!({ "totp": ada.app.next_code() })).await.tokens();
    stack.resource.get("/books").bearer(&tokens.access).send().await.expect(200);
    let tokens = auth.refresh(&tokens).await.tokens();
    stack.resource.get("/books").bearer(&tokens.access).send().await.expect(200);
}

#[tokio::test]
async fn admins_may_be_asked_for_a_second_factor_and_nobody_else() {
    let stack = Stack::any().auth("AUTH_SECOND_FACTOR", "admins").start_auth().await;
    let auth = &stack.auth;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    assert_eq!(claims(&ada.tokens.access)["scope"], "books:read");
    let users = auth.get("/admin/users").bearer(&admin.tokens.access).send().await;
    assert_problem(&users, 403, "second_factor_missing");
    let admin = enrol(auth, admin).await;
    let (_, token) = first_step(auth, &admin.person).await;
    let tokens = second_step(auth, &token, json!({ "totp": admin.app.next_code() })).await.tokens();
    auth.get("/admin/users").bearer(&tokens.access).send().await.expect(200);
}

#[tokio::test]
async fn a_step_that_is_made_already_costs_the_user_no_code() {
    let stack = Stack::any().start_auth().await;
    let auth = &stack.auth;
    let ada = enrol(auth, stack.ada().await).await;
    let (_, token) = first_step(auth, &ada.person).await;
    let tokens = second_step(auth, &token, json!({ "recovery_code": ada.recovery_codes[0] })).await.tokens();
    let again = second_step(auth, &token, json!({ "recovery_code": ada.recovery_codes[1] })).await;
    assert_problem(&again, 401, "second_factor_expired");
    let factors = auth.get("/auth/factors").bearer(&tokens.access).send().await.expect(200);
    assert_eq!(factors["recovery_codes_left"], 7, "{factors}");
}
