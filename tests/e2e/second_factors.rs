//! Logins in two steps, and proof of who is at the keyboard now.

use crate::letters::{confirm, hears, letter};
use futures_util::future::join_all;
use harness::{Answer, AuthenticatorApp, Http, Person, Stack, Storage, Tokens, Transport, assert_problem};
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
async fn verify(stack: &Stack, person: &Person) {
    let asked = stack.auth.post("/auth/email/verify").bearer(&person.tokens.access);
    let asked = asked.json(&json!({ "transport": "body" })).send().await.expect(202);
    let mail = letter(stack, &person.email, "address_verification").await;
    confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await.expect(204);
}

/// The first step, and the token that it gives.
async fn first_step(auth: &Http, person: &Person) -> (Answer, String) {
    let answer = auth.login(&person.email, &person.password, Transport::Body).await;
    assert_problem(&answer, 403, "second_factor_required");
    let token = answer["second_factor_token"].as_str().expect("a token").to_owned();
    (answer, token)
}

async fn second_step(auth: &Http, token: &str, factor: Value) -> Answer {
    let mut body = json!({ "second_factor_token": token, "transport": "body" });
    body.as_object_mut().expect("an object").extend(factor.as_object().expect("an object").clone());
    auth.post("/auth/login/second-factor").json(&body).send().await
}

async fn step_up(auth: &Http, access: &str, shown: Value) -> Answer {
    auth.post("/auth/reauthenticate").bearer(access).json(&shown).send().await
}

fn claims(access: &str) -> Value {
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
    let new = harness::person::fresh_email("thief");
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
    harness::eventually("the factors are removed", std::time::Duration::from_secs(90), removed).await;
}
