//! Authenticator apps and recovery codes: set up, replaced and removed by their user.

use crate::letters::hears;
use futures_util::future::join_all;
use harness::{Answer, AuthenticatorApp, Http, Person, Stack, Storage, Tokens, assert_problem};
use serde_json::{Value, json};
use std::collections::BTreeSet;

on_every_storage! {
    an_app_is_set_up_by_its_first_code_and_removed_with_its_recovery_codes,
    of_twenty_first_codes_at_once_one_gets_the_recovery_codes,
}

async fn begin(auth: &Http, tokens: &Tokens) -> Answer {
    auth.post("/auth/totp").bearer(&tokens.access).send().await
}

async fn confirm(auth: &Http, tokens: &Tokens, code: &str) -> Answer {
    auth.post("/auth/totp/confirm").bearer(&tokens.access).json(&json!({ "code": code })).send().await
}

async fn factors(auth: &Http, tokens: &Tokens) -> Value {
    auth.get("/auth/factors").bearer(&tokens.access).send().await.expect(200).json
}

async fn new_codes(auth: &Http, tokens: &Tokens) -> Answer {
    auth.post("/auth/recovery-codes").bearer(&tokens.access).send().await
}

async fn remove(auth: &Http, tokens: &Tokens) -> Answer {
    auth.request("DELETE", "/auth/totp").bearer(&tokens.access).send().await
}

/// The tokens of somebody who shows both factors once more: what changes factors asks for it.
async fn strong(auth: &Http, person: &Person, factor: Value) -> Tokens {
    let mut shown = json!({ "password": person.password });
    shown.as_object_mut().expect("an object").extend(factor.as_object().expect("an object").clone());
    let answer = auth.post("/auth/reauthenticate").bearer(&person.tokens.access).json(&shown).send().await.expect(200);
    let access = answer["access_token"].as_str().expect("a token").to_owned();
    Tokens { access, ..person.tokens.clone() }
}

/// Eight different recovery codes in their form.
fn codes(answer: &Answer) -> BTreeSet<String> {
    let codes = answer["recovery_codes"].as_array().expect("a list");
    let codes: BTreeSet<String> = codes.iter().map(|code| code.as_str().expect("a text").to_owned()).collect();
    assert_eq!(codes.len(), 8, "{answer}");
    for code in &codes {
        let groups: Vec<usize> = code.split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 4, 4, 4, 4, 2], "{answer}");
    }
    codes
}

/// The app of somebody who sets it up now, and the recovery codes.
async fn set_up(stack: &Stack, person: &Person) -> (AuthenticatorApp, BTreeSet<String>) {
    let begun = begin(&stack.auth, &person.tokens).await.expect(201);
    let app = AuthenticatorApp::with(begun["secret"].as_str().expect("a secret"));
    let confirmed = confirm(&stack.auth, &person.tokens, &app.code()).await.expect(200);
    let codes = codes(&confirmed);
    (app, codes)
}

async fn an_app_is_set_up_by_its_first_code_and_removed_with_its_recovery_codes(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let (ada, auth) = (stack.ada().await, &stack.auth);
    let none = json!({ "password": true, "totp": null, "passkeys": 0, "recovery_codes_left": 0, "second_factor_needed": false });
    assert_eq!(factors(auth, &ada.tokens).await, none);
    assert_problem(&new_codes(auth, &ada.tokens).await, 409, "no_second_factor");
    assert_problem(&confirm(auth, &ada.tokens, "123456").await, 409, "totp_not_pending");

    let first = begin(auth, &ada.tokens).await.expect(201);
    let begun = begin(auth, &ada.tokens).await.expect(201);
    assert_eq!(begun.header("cache-control"), "no-store");
    let secret = begun["secret"].as_str().expect("a secret");
    let uri = begun["otpauth_uri"].as_str().expect("an address");
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("secret={secret}&")), "{uri}");
    let size = begun["qr_code"]["size"].as_u64().expect("a number");
    assert!((size - 17 - 8).is_multiple_of(4), "a QR code has 4 n + 17 modules, and a border: {size}");
    assert!(begun["qr_code"]["path"].as_str().expect("a path").starts_with("M4 4h7v1h-7z"), "{begun}");
    let app = AuthenticatorApp::with(secret);
    let replaced = AuthenticatorApp::with(first["secret"].as_str().expect("a secret"));
    for wrong in [app.wrong_code(), replaced.code(), String::new()] {
        assert_problem(&confirm(auth, &ada.tokens, &wrong).await, 422, "code_wrong");
    }
    assert_eq!(factors(auth, &ada.tokens).await, none);

    let confirmed = confirm(auth, &ada.tokens, &app.code()).await.expect(200);
    let old = codes(&confirmed);
    let now = factors(auth, &ada.tokens).await;
    assert!(now["totp"]["confirmed_at"].is_string() && now["recovery_codes_left"] == 8, "{now}");
    assert_problem(&begin(auth, &ada.tokens).await, 401, "authentication_insufficient");
    let tokens = strong(auth, &ada, json!({ "totp": app.next_code() })).await;
    assert_problem(&begin(auth, &tokens).await, 409, "totp_exists");
    assert_problem(&confirm(auth, &tokens, &app.next_code()).await, 409, "totp_not_pending");
    let new = new_codes(auth, &tokens).await.expect(201);
    assert!(codes(&new).is_disjoint(&old));
    let export = auth.get("/auth/me/export").bearer(&ada.tokens.access).send().await.expect(200);
    assert_eq!(export["factors"], now, "{export}");
    for known in codes(&new).iter().chain(&old).map(String::as_str).chain([secret]) {
        assert!(!export.body.contains(known), "the export has no secrets");
    }

    assert_eq!(remove(auth, &tokens).await.status, 204);
    assert_eq!(factors(auth, &ada.tokens).await, none);
    assert_eq!(remove(auth, &ada.tokens).await.status, 204, "also if there is none");
    assert_problem(&new_codes(auth, &ada.tokens).await, 409, "no_second_factor");
    let changes = ["authenticator app was set up", "new recovery codes were made", "authenticator app was removed"];
    for change in changes {
        hears(&stack, &ada.email, change).await;
    }
    let mails = auth.mails(&ada.email).await;
    let texts: Vec<&str> = mails.iter().filter_map(|mail| mail["text"].as_str()).collect();
    assert!(changes.iter().all(|change| texts.iter().filter(|text| text.contains(change)).count() == 1), "{texts:#?}");
    let events = auth.get("/auth/me/export").bearer(&ada.tokens.access).send().await.expect(200);
    let done: Vec<&str> =
        events["events"].as_array().expect("a list").iter().filter_map(|event| event["action"].as_str()).collect();
    let mut expected = ["factor_remove", "recovery_codes_make", "factor_add"].into_iter();
    assert!(
        done.iter()
            .filter(|action| action.contains("factor") || action.contains("codes"))
            .all(|action| expected.next() == Some(action))
    );
    assert_eq!(expected.next(), None, "{done:?}");
}

async fn of_twenty_first_codes_at_once_one_gets_the_recovery_codes(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let ada = stack.ada().await;
    let begun = begin(&stack.auth, &ada.tokens).await.expect(201);
    let app = AuthenticatorApp::with(begun["secret"].as_str().expect("a secret"));
    let code = app.code();
    let answers = join_all((0..20).map(|_| confirm(&stack.auth, &ada.tokens, &code))).await;
    let (right, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(right.len(), 1);
    codes(right[0]);
    for other in others {
        // Who comes after the first one has a second factor, and has not shown it.
        let is_late = other.status == 401;
        let (status, code) = if is_late { (401, "authentication_insufficient") } else { (409, "totp_not_pending") };
        assert_problem(other, status, code);
    }
}

#[tokio::test]
async fn a_deleted_user_leaves_no_factors_and_another_user_does_not_see_them() {
    let stack = Stack::any().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let (app, _) = set_up(&stack, &ada).await;
    assert_eq!(factors(&stack.auth, &bob.tokens).await["totp"], json!(null));
    assert_eq!(remove(&stack.auth, &bob.tokens).await.status, 204);
    assert!(factors(&stack.auth, &ada.tokens).await["totp"].is_object());
    let body = json!({ "password": ada.password });
    let tokens = strong(&stack.auth, &ada, json!({ "totp": app.next_code() })).await;
    stack.auth.request("DELETE", "/auth/me").bearer(&tokens.access).json(&body).send().await.expect(204);
    let mut database = crate::stores::open(&crate::stores::database(&stack).1).await;
    for table in ["totp", "recovery_codes", "factor_failures", "trusted_devices", "passkeys", "factor_resets"] {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT sub FROM {table} WHERE sub = $1")));
        let rows = rows.bind(ada.id.clone()).fetch_all(&mut database).await.expect("the database answers");
        assert!(rows.is_empty(), "{table}");
    }
}

#[tokio::test]
async fn nobody_has_a_mailbox_filled_with_notices_by_a_client_that_goes_on_and_on() {
    let stack = Stack::any().auth("AUTH_LIMIT_MAILS", "3/1h").start_auth().await;
    let ada = stack.ada().await;
    let (app, _) = set_up(&stack, &ada).await;
    let tokens = strong(&stack.auth, &ada, json!({ "totp": app.next_code() })).await;
    for _ in 0..2 {
        new_codes(&stack.auth, &tokens).await.expect(201);
    }
    assert_problem(&new_codes(&stack.auth, &tokens).await, 429, "too_many_requests");
    assert_problem(&begin(&stack.auth, &tokens).await, 429, "too_many_requests");
}
