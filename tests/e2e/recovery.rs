//! A forgotten password, a registration by mail, and what nobody else can make of them.

use crate::letters::{another, confirm, letter};
use futures_util::future::join_all;
use harness::{
    Answer, Http, Person, Stack, Storage, Transport, assert_problem,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

on_every_storage! {
    a_forgotten_password_is_replaced_by_code_and_all_other_sessions_end,
    an_account_is_created_only_by_the_code_from_the_mail,
    of_twenty_parallel_confirmations_one_succeeds,
    five_wrong_codes_spend_the_right_one,
}

pub async fn forgot(auth: &Http, email: &str) -> Answer {
    auth.post("/auth/password/forgot").json(&json!({ "email": email, "transport": "body" })).send().await
}

pub async fn reset(auth: &Http, asked: &Value, code: &str, new: &str) -> Answer {
    let (flow, secret) = (&asked["flow"], &asked["flow_secret"]);
    let body = json!({ "flow": flow, "code": code, "new": new, "flow_secret": secret, "transport": "body" });
    auth.post("/auth/password/reset").json(&body).send().await
}

async fn register(auth: &Http, email: &str, password: &str) -> Answer {
    auth.post("/auth/register").json(&json!({ "email": email, "password": password, "transport": "body" })).send().await
}

async fn a_forgotten_password_is_replaced_by_code_and_all_other_sessions_end(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    assert_eq!(asked["flow"], mail.flow);
    assert!(mail.text.lines().any(|line| line.trim() == mail.code), "{}", mail.text);

    let weak = reset(&stack.auth, &asked.json, &mail.code, "password1").await;
    assert_problem(&weak, 422, "weak_password");
    let new = fresh_password();
    let typed = mail.code.to_lowercase().replace('-', " ");
    let tokens = reset(&stack.auth, &asked.json, &typed, &new).await.tokens();
    stack.auth.me(&tokens).await.expect(200);
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    assert_problem(&stack.auth.login(&ada.email, &ada.password, Transport::Body).await, 401, "invalid_credentials");
    stack.auth.login(&ada.email, &new, Transport::Body).await.expect(200);
    assert_problem(&reset(&stack.auth, &asked.json, &mail.code, &fresh_password()).await, 410, "code_spent");
    letter(&stack, &ada.email, "password_changed").await;
}

async fn an_account_is_created_only_by_the_code_from_the_mail(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REGISTRATION_PROOF", "on").start().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let asked = register(&stack.auth, &email, &password).await.expect(202);
    assert_problem(&stack.auth.login(&email, &password, Transport::Body).await, 401, "invalid_credentials");
    let mail = letter(&stack, &email, "registration").await;
    let secret = asked["flow_secret"].as_str();
    let tokens = confirm(&stack.auth, &mail.flow, &mail.code, secret).await.tokens();
    let me = stack.auth.me(&tokens).await.expect(200);
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(email), &json!(true)), "{me}");
    stack.auth.login(&email, &password, Transport::Body).await.expect(200);
    assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, secret).await, 410, "code_spent");
}

async fn of_twenty_parallel_confirmations_one_succeeds(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REGISTRATION_PROOF", "on").start().await;
    let email = fresh_email("ada");
    let asked = register(&stack.auth, &email, &fresh_password()).await.expect(202);
    let mail = letter(&stack, &email, "registration").await;
    let secret = asked["flow_secret"].as_str();
    let answers = join_all((0..20).map(|_| confirm(&stack.auth, &mail.flow, &mail.code, secret))).await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(410)), (1, 19), "{answers:?}");
}

async fn five_wrong_codes_spend_the_right_one(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    let wrong = another(&mail.code);
    for left in (1..5).rev() {
        let refused = reset(&stack.auth, &asked.json, &wrong, &fresh_password()).await;
        assert_problem(&refused, 422, "code_wrong");
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(&left.to_string())), "{refused}");
    }
    for code in [&wrong, &mail.code] {
        assert_problem(&reset(&stack.auth, &asked.json, code, &fresh_password()).await, 410, "code_spent");
    }
    assert!(stack.auth.log().matches("\"code_refused\"").count() >= 6, "each is logged, with the client's address");
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
}

#[tokio::test]
async fn only_the_client_that_asked_is_logged_in() {
    let stack = Stack::any().start_auth().await;
    let email = stack.ada().await.email;
    let forgotten = json!({ "email": email });
    let asked = stack.auth.post("/auth/password/forgot").json(&forgotten).send().await.expect(202);
    assert!(asked["flow_secret"].is_null(), "{asked}");
    let cookie = asked.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let mail = letter(&stack, &email, "password_reset").await;
    let new = json!({ "flow": mail.flow, "code": mail.code, "new": fresh_password() });
    let both = format!("jeton-flow={}.secret; other=1; {cookie}", mail.flow);
    let answer = stack.auth.post("/auth/password/reset").header("cookie", &both).json(&new).send().await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "two flows in one jar name none: {answer}");
    assert!(!answer.header("set-cookie").contains("jeton-refresh"), "{answer}");
}

#[tokio::test]
async fn a_browser_that_asked_gets_its_session_in_the_cookie() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let asked = stack.auth.post("/auth/password/forgot").json(&json!({ "email": ada.email })).send().await.expect(202);
    let cookie = asked.header("set-cookie");
    assert!(
        cookie.starts_with("jeton-flow=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let mail = letter(&stack, &ada.email, "password_reset").await;
    let new = json!({ "flow": mail.flow, "code": mail.code, "new": fresh_password() });
    let jar = cookie.split(';').next().unwrap_or_default();
    let answer = stack.auth.post("/auth/password/reset").header("cookie", jar).json(&new).send().await.expect(200);
    assert!(answer["refresh_token"].is_null() && answer.set_cookies().len() == 2, "{answer}");
}

#[tokio::test]
async fn asking_again_repeats_the_code_and_sends_one_mail_a_minute() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let first = letter(&stack, &ada.email, "password_reset").await;
    let again = json!({
        "email": ada.email, "transport": "body", "flow": asked["flow"], "flow_secret": asked["flow_secret"]
    });
    let repeated = stack.auth.post("/auth/password/forgot").json(&again).send().await.expect(202);
    assert_eq!((&repeated["flow"], &repeated["flow_secret"]), (&asked["flow"], &asked["flow_secret"]));
    // From another client: another flow, and no second mail within the minute.
    let other = forgot(&stack.auth, &ada.email).await.expect(202);
    assert_ne!(other["flow"], asked["flow"]);
    assert_eq!(stack.auth.mails(&ada.email).await.len(), 1);
    let stolen =
        json!({ "email": ada.email, "transport": "body", "flow": asked["flow"], "flow_secret": other["flow_secret"] });
    let refused = stack.auth.post("/auth/password/forgot").json(&stolen).send().await.expect(202);
    assert_ne!(refused["flow"], asked["flow"]);
    reset(&stack.auth, &asked.json, &first.code, &fresh_password()).await.expect(200);
}

/// An answer without what differs between any two.
fn shape(answer: &Answer) -> (u16, BTreeSet<String>, BTreeSet<String>, u64) {
    let members = answer.json.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
    (answer.status, answer.header_names(), members, answer.json["expires_in"].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answers() {
    let stack = Stack::any().auth("AUTH_REGISTRATION_PROOF", "on").start_auth().await;
    let (known, unknown) = (stack.admin().await.email, fresh_email("nobody"));
    for path in ["/auth/password/forgot", "/auth/register"] {
        let ask = async |email: &str| {
            let mut body = json!({ "email": email, "transport": "body" });
            if path == "/auth/register" {
                body["password"] = json!(fresh_password());
            }
            stack.auth.post(path).json(&body).send().await
        };
        let (of_known, of_unknown) = (ask(&known).await, ask(&unknown).await);
        assert_eq!(shape(&of_known), shape(&of_unknown), "{path}: {of_known} {of_unknown}");
        let wrong = async |asked: &Answer| {
            let path = if path == "/auth/register" { "/auth/confirm" } else { "/auth/password/reset" };
            let mut body = json!({ "flow": asked["flow"], "flow_secret": asked["flow_secret"], "code": "0000-0000" });
            if path == "/auth/password/reset" {
                body["new"] = json!(fresh_password());
            }
            stack.auth.post(path).json(&body).send().await
        };
        let (known, unknown) = (wrong(&of_known).await, wrong(&of_unknown).await);
        assert_problem(&known, 422, "code_wrong");
        assert_eq!((known.status, &known.json), (unknown.status, &unknown.json), "{path}");
    }
    letter(&stack, &known, "password_reset").await;
    letter(&stack, &known, "already_registered").await;
    let kinds: Vec<_> = stack.auth.mails(&unknown).await.iter().map(|mail| mail["kind"].clone()).collect();
    assert_eq!(kinds, ["registration"], "nobody else hears of a password that nobody has");
}

/// better-auth#11023: somebody registers the victim's address first and waits for the victim to confirm it.
#[tokio::test]
async fn nobody_but_the_client_that_registered_completes_a_registration() {
    let stack = Stack::any().auth("AUTH_REGISTRATION_PROOF", "on").start_auth().await;
    let (victim, trap) = (fresh_email("victim"), fresh_password());
    let attack = register(&stack.auth, &victim, &trap).await.expect(202);
    let mail = letter(&stack, &victim, "registration").await;
    // The victim follows the link, in all kinds of browsers, and more often than a wrong code may be tried.
    let own = register(&stack.auth, &victim, &fresh_password()).await.expect(202);
    assert_ne!(own["flow"], attack["flow"]);
    for secret in [None, Some(""), own["flow_secret"].as_str(), None, None, None] {
        assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, secret).await, 403, "other_client");
    }
    // The code of the attacker's mail is not good for the victim's own registration.
    let flow = own["flow"].as_str().unwrap_or_default();
    let mixed = confirm(&stack.auth, flow, &mail.code, own["flow_secret"].as_str()).await;
    assert_problem(&mixed, 422, "code_wrong");
    assert_problem(&stack.auth.login(&victim, &trap, Transport::Body).await, 401, "invalid_credentials");
    // None of this has used up the code for whoever has asked.
    let secret = attack["flow_secret"].as_str();
    confirm(&stack.auth, &mail.flow, &mail.code, secret).await.expect(200);
}

/// The "unexpired session" and the "trojan" of pre-hijacking: nothing of before survives a reset.
#[tokio::test]
async fn after_a_reset_no_session_and_no_other_code_of_before_is_good() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let verifying = stack.auth.post("/auth/email/verify").bearer(&ada.tokens.access).send().await.expect(202);
    let of_verification = letter(&stack, &ada.email, "address_verification").await;
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let of_reset = letter(&stack, &ada.email, "password_reset").await;
    reset(&stack.auth, &asked.json, &of_reset.code, &fresh_password()).await.expect(200);
    let late = confirm(&stack.auth, verifying["flow"].as_str().unwrap_or_default(), &of_verification.code, None).await;
    assert_problem(&late, 410, "code_spent");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}

#[tokio::test]
async fn a_code_is_good_for_its_own_purpose_and_flow_only() {
    let stack = Stack::any().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    assert_problem(&confirm(&stack.auth, &mail.flow, &mail.code, None).await, 422, "code_wrong");
    let of_bob = forgot(&stack.auth, &bob.email).await.expect(202);
    assert_problem(&reset(&stack.auth, &of_bob.json, &mail.code, &fresh_password()).await, 422, "code_wrong");
    reset(&stack.auth, &asked.json, &mail.code, &fresh_password()).await.expect(200);
}

#[tokio::test]
async fn an_address_is_verified_by_the_code_and_a_change_of_it_is_seen() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    assert_eq!(stack.auth.me(&ada.tokens).await.expect(200)["email_verified"], json!(false));
    let ask = async || stack.auth.post("/auth/email/verify").bearer(&ada.tokens.access).send().await.expect(202);
    let (asked, again) = (ask().await, ask().await);
    assert_eq!(asked["flow"], again["flow"]);
    let mail = letter(&stack, &ada.email, "address_verification").await;
    let answer = confirm(&stack.auth, &mail.flow, &mail.code, asked["flow_secret"].as_str()).await;
    assert_eq!(answer.status, 204, "{answer}");
    assert_eq!(stack.auth.me(&ada.tokens).await.expect(200)["email_verified"], json!(true));
}

#[tokio::test]
async fn links_lead_to_the_public_url_whatever_the_request_says() {
    let stack = Stack::any().trusting_us().start_auth().await;
    let ada = stack.ada().await;
    let request = stack.auth.post("/auth/password/forgot").json(&json!({ "email": ada.email }));
    let hostile = request
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=https")
        .header("x-forwarded-proto", "https")
        .header("x-original-host", "evil.example");
    hostile.send().await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    assert!(!mail.text.contains("evil"), "{}", mail.text);
    assert!(mail.text.contains(&format!("{}/confirm?flow=", stack.auth.url())), "{}", mail.text);
}

#[tokio::test]
async fn a_disabled_user_gets_no_mail() {
    let stack = Stack::any().start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "disabled": true })).await.expect(200);
    forgot(&stack.auth, &ada.email).await.expect(202);
    let kinds: Vec<_> = stack.auth.mails(&ada.email).await.iter().map(|mail| mail["kind"].clone()).collect();
    assert!(!kinds.contains(&json!("password_reset")), "{kinds:?}");
}

#[tokio::test]
async fn only_addresses_of_certain_domains_register_where_that_is_set() {
    let stack =
        Stack::any().auth("AUTH_REGISTRATION", "domains:example.com,Example.org").auth("AUTH_REGISTRATION_PROOF", "on");
    let stack = stack.start_auth().await;
    register(&stack.auth, &fresh_email("ada"), &fresh_password()).await.expect(202);
    for address in ["ada@example.net", "ada@sub.example.org", "ada@example.org.evil.example"] {
        let refused = register(&stack.auth, address, &fresh_password()).await;
        assert_problem(&refused, 403, "registration_closed");
    }
}

#[tokio::test]
async fn nothing_that_a_stranger_wrote_is_in_a_mail() {
    let stack = Stack::any().auth("AUTH_REGISTRATION_PROOF", "on").start_auth().await;
    let (email, marker) = (fresh_email("ada"), "Buy-gold-at-evil.example");
    let body = json!({ "email": email, "password": fresh_password(), "name": marker });
    let request =
        stack.auth.post("/auth/register").json(&body).header("user-agent", marker).header("accept-language", marker);
    request.send().await.expect(202);
    letter(&stack, &email, "registration").await;
    for mail in stack.auth.mails(&email).await {
        assert!(!mail.to_string().contains(marker), "{mail}");
    }
}

#[tokio::test]
async fn a_copy_of_the_database_holds_no_code() {
    let stack = Stack::on(Storage::Embedded).start_auth().await;
    let ada: Person = stack.ada().await;
    forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    let plain = mail.code.replace('-', "");
    for file in std::fs::read_dir(stack.data()).expect("our own directory") {
        let path = file.expect("an entry").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for code in [&mail.code, &plain] {
            let is_there = bytes.windows(code.len()).any(|window| window.eq_ignore_ascii_case(code.as_bytes()));
            assert!(!is_there, "{} holds the code", path.display());
        }
    }
}

/// Mail scanners open links, again and again.
#[tokio::test]
async fn opening_the_link_any_number_of_times_uses_nothing_up() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let asked = forgot(&stack.auth, &ada.email).await.expect(202);
    let mail = letter(&stack, &ada.email, "password_reset").await;
    let query = format!("?flow={}&code={}", mail.flow, mail.code);
    for path in ["/confirm", "/auth/confirm", "/auth/password/reset"] {
        for _ in 0..10 {
            for method in ["GET", "HEAD", "OPTIONS"] {
                let opened = stack.auth.request(method, &format!("{path}{query}")).send().await;
                let is_page = path == "/confirm" && opened.status == 200;
                assert!(
                    is_page || (400..500).contains(&opened.status) || method == "OPTIONS",
                    "{method} {path}: {opened}"
                );
                assert!(opened.header("set-cookie").is_empty(), "{opened}");
            }
        }
    }
    reset(&stack.auth, &asked.json, &mail.code, &fresh_password()).await.expect(200);
}
