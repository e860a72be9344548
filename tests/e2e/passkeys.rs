//! Passkeys with a real service, and an authenticator of the harness.

use crate::letters::PATIENCE;
use harness::{
    Answer, Http, Person, Stack, Storage, Transport, assert_problem,
    authenticator::{Algorithm, Authenticator, ELIGIBLE},
    eventually,
};
use serde_json::{Value, json};

on_every_storage! {
    a_passkey_logs_in_and_is_managed_by_its_user,
    of_the_password_and_the_last_passkey_one_stays_however_they_are_removed,
}

const ORIGIN: &str = "http://localhost:8080";

fn with_passkeys(builder: harness::StackBuilder) -> harness::StackBuilder {
    builder.auth("AUTH_PUBLIC_URL", ORIGIN)
}

/// Adds a passkey of a new authenticator.
async fn added(stack: &Stack, person: &Person, body: Value) -> (Authenticator, Answer) {
    let auth = &stack.auth;
    let options = auth.post("/auth/passkeys/options").bearer(&person.tokens.access).send().await.expect(200);
    let mut device = Authenticator::new(Algorithm::Es256, ORIGIN, "localhost");
    device.flags |= ELIGIBLE;
    let mut body = body;
    body["challenge_id"] = options["challenge_id"].clone();
    body["credential"] = device.create(&options["public_key"]);
    let answer = auth.post("/auth/passkeys").bearer(&person.tokens.access).json(&body).send().await;
    (device, answer.expect(201))
}

async fn asked(auth: &Http) -> Answer {
    auth.post("/auth/login/passkey/options").send().await.expect(200)
}

async fn login(auth: &Http, options: &Answer, device: &mut Authenticator) -> Answer {
    let credential = device.get(&options["public_key"]);
    let body = json!({ "challenge_id": options["challenge_id"], "credential": credential, "transport": "body" });
    auth.post("/auth/login/passkey").json(&body).send().await
}

async fn a_passkey_logs_in_and_is_managed_by_its_user(storage: Storage) {
    let stack = with_passkeys(Stack::on(storage)).start_auth().await;
    let (auth, ada) = (&stack.auth, stack.ada().await);
    let (mut device, answer) = added(&stack, &ada, json!({ "name": " My phone " })).await;
    assert_eq!(answer["passkey"]["name"], "My phone", "{answer}");
    let options = asked(auth).await;
    let expected = json!({
        "challenge": options["public_key"]["challenge"], "timeout": 300_000, "rpId": "localhost", "allowCredentials": [],
        "userVerification": "required",
    });
    assert_eq!(options["public_key"], expected);
    let tokens = login(auth, &options, &mut device).await.expect(200).tokens();
    assert_eq!(auth.me(&tokens).await.expect(200)["id"], ada.id);
    assert_problem(&login(auth, &options, &mut device).await, 410, "challenge_expired");

    let list = async || auth.get("/auth/passkeys").bearer(&tokens.access).send().await.expect(200);
    let listed = list().await;
    let shown = &listed["passkeys"][0];
    assert!(shown["last_used_at"].is_string() && shown["backed_up"] == false, "{listed}");
    assert_eq!(
        (&listed["accepted"]["rp_id"], listed["accepted"]["credential_ids"].as_array().map(Vec::len)),
        (&json!("localhost"), Some(1))
    );
    let path = format!("/auth/passkeys/{}", shown["id"].as_str().unwrap_or_default());
    let renamed = auth.request("PATCH", &path).bearer(&tokens.access).json(&json!({ "name": "Ключ" })).send().await;
    assert_eq!(renamed.expect(200)["passkey"]["name"], "Ключ");
    let bob = stack.bob().await;
    for method in ["PATCH", "DELETE"] {
        let by_bob = auth.request(method, &path).bearer(&bob.tokens.access).json(&json!({ "name": "x" })).send().await;
        assert_problem(&by_bob, 404, "not_found");
    }
    let data = auth.get("/auth/me/export").bearer(&tokens.access).send().await.expect(200);
    assert_eq!(data["passkeys"][0]["name"], "Ключ", "{data}");
    auth.request("DELETE", &path).bearer(&tokens.access).send().await.expect(204);
    assert_eq!(list().await["passkeys"], json!([]));
    let unknown = login(auth, &asked(auth).await, &mut device).await;
    assert_problem(&unknown, 401, "passkey_unknown");
    assert_eq!(unknown["rp_id"], "localhost", "{unknown}");
    assert_eq!(unknown["credential_id"], device.get(&json!({ "challenge": "" }))["rawId"], "{unknown}");
    let notices = async || {
        let mails = stack.auth.mails(&ada.email).await;
        (mails.iter().filter(|mail| mail["kind"] == "passkey_changed").count() == 2).then_some(())
    };
    eventually("both notices", PATIENCE, notices).await;
}

#[tokio::test]
async fn the_options_for_a_new_passkey_are_what_browsers_read() {
    let stack = with_passkeys(Stack::any()).start_auth().await;
    let ada = stack.ada().await;
    let (mut device, _) = added(&stack, &ada, json!({})).await;
    let tokens = login(&stack.auth, &asked(&stack.auth).await, &mut device).await.tokens();
    let options = stack.auth.post("/auth/passkeys/options").bearer(&tokens.access).send().await.expect(200);
    let mut asked = options["public_key"].clone();
    for changing in ["/challenge", "/user/id", "/excludeCredentials/0/id"] {
        asked.pointer_mut(changing).expect("it is there").take();
    }
    let expected = json!({
        "rp": { "id": "localhost", "name": "localhost" },
        "user": { "id": null, "name": ada.email, "displayName": ada.email },
        "challenge": null,
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -8 }, { "type": "public-key", "alg": -257 }],
        "timeout": 300_000,
        "excludeCredentials": [{ "type": "public-key", "id": null, "transports": ["hybrid", "internal"] }],
        "authenticatorSelection": { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
        "attestation": "none",
        "extensions": { "credProps": true },
    });
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_disabled_user_does_not_log_in_with_a_passkey_either() {
    let stack = with_passkeys(Stack::any()).start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let (mut device, _) = added(&stack, &ada, json!({})).await;
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "disabled": true })).await.expect(200);
    assert_problem(&login(&stack.auth, &asked(&stack.auth).await, &mut device).await, 403, "account_disabled");
}

#[tokio::test]
async fn a_passkey_that_was_forged_is_refused_and_recorded() {
    let stack = with_passkeys(Stack::any()).start_auth().await;
    let ada = stack.ada().await;
    let (device, _) = added(&stack, &ada, json!({})).await;
    let mut forger = Authenticator::new(Algorithm::Es256, ORIGIN, "localhost");
    (forger.id, forger.user_handle) = (device.id.clone(), device.user_handle.clone());
    assert_problem(&login(&stack.auth, &asked(&stack.auth).await, &mut forger).await, 401, "passkey_invalid");
    let is_recorded = async || {
        let data = stack.auth.get("/auth/me/export").bearer(&ada.tokens.access).send().await.expect(200);
        let events = data["events"].as_array().cloned().unwrap_or_default();
        let expected = json!({ "by": "passkey", "reason": "not_genuine" });
        events.iter().any(|event| event["action"] == "login" && event["details"] == expected).then_some(())
    };
    eventually("the refusal", PATIENCE, is_recorded).await;
}

#[tokio::test]
async fn where_the_public_url_has_an_address_there_are_no_passkeys() {
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", "http://127.0.0.1:8080").start_auth().await;
    let ada = stack.ada().await;
    assert_problem(&stack.auth.post("/auth/login/passkey/options").send().await, 403, "passkeys_unavailable");
    for (method, path) in [("POST", "/auth/passkeys/options"), ("GET", "/auth/passkeys")] {
        let answer = stack.auth.request(method, path).bearer(&ada.tokens.access).send().await;
        assert_problem(&answer, 403, "passkeys_unavailable");
    }
    assert_problem(&stack.auth.get("/.well-known/webauthn").send().await, 404, "not_found");
}

#[tokio::test]
async fn related_origins_are_listed_if_the_domain_is_named() {
    let allowed = "https://app.example.com,https://example.de";
    let on = |stack: harness::StackBuilder| {
        stack.auth("AUTH_PUBLIC_URL", "https://auth.example.com").auth("AUTH_ALLOWED_ORIGINS", allowed)
    };
    let stack = on(Stack::any()).auth("AUTH_PASSKEY_RP_ID", "example.com").start_auth().await;
    let listed = stack.auth.get("/.well-known/webauthn").send().await.expect(200);
    assert_eq!(listed["origins"], json!(["https://example.de"]), "{listed}");
    assert_eq!(asked(&stack.auth).await["public_key"]["rpId"], "example.com");
    let stack = on(Stack::any()).start_auth().await;
    assert_problem(&stack.auth.get("/.well-known/webauthn").send().await, 404, "not_found");
}

#[tokio::test]
async fn a_password_goes_only_where_passkeys_are_sure_enough_and_the_last_one_stays() {
    let stack = with_passkeys(Stack::any()).start_auth().await;
    let (auth, ada) = (&stack.auth, stack.ada().await);
    let remove = |access: String| auth.request("DELETE", "/auth/password").bearer(&access).send();
    assert_problem(&remove(ada.tokens.access.clone()).await, 409, "last_way_in");
    let (mut device, answer) = added(&stack, &ada, json!({})).await;
    assert_eq!(answer["recovery_codes"].as_array().map(Vec::len), Some(8), "{answer}");
    assert_problem(&remove(ada.tokens.access.clone()).await, 401, "authentication_insufficient");
    let tokens = login(auth, &asked(auth).await, &mut device).await.expect(200).tokens();
    remove(tokens.access.clone()).await.expect(204);
    remove(tokens.access.clone()).await.expect(204);
    assert_problem(&auth.refresh(&ada.tokens).await, 401, "session_ended");
    assert_problem(&auth.login(&ada.email, &ada.password, Transport::Body).await, 401, "invalid_credentials");
    let tokens = login(auth, &asked(auth).await, &mut device).await.expect(200).tokens();
    let path = format!("/auth/passkeys/{}", answer["passkey"]["id"].as_str().unwrap_or_default());
    assert_problem(&auth.request("DELETE", &path).bearer(&tokens.access).send().await, 409, "last_way_in");
    let first = json!({ "new": "another long password" });
    auth.post("/auth/password").bearer(&tokens.access).json(&first).send().await.expect(204);
    auth.request("DELETE", &path).bearer(&tokens.access).send().await.expect(204);
    auth.login(&ada.email, "another long password", Transport::Body).await.tokens();
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_and_shows_again_who_the_user_is() {
    let stack = with_passkeys(Stack::any()).start_auth().await;
    let (auth, ada, bob) = (&stack.auth, stack.ada().await, stack.bob().await);
    let (mut device, _) = added(&stack, &ada, json!({})).await;
    let (mut another, _) = added(&stack, &bob, json!({})).await;
    let answer = auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&answer, 403, "second_factor_required");
    assert_eq!(answer["methods"], json!(["passkey", "recovery_code"]), "{answer}");
    let step = async |options: &Answer, device: &mut Authenticator| {
        let passkey =
            json!({ "challenge_id": options["challenge_id"], "credential": device.get(&options["public_key"]) });
        let token = &answer["second_factor_token"];
        let body = json!({ "second_factor_token": token, "passkey": passkey, "transport": "body" });
        auth.post("/auth/login/second-factor").json(&body).send().await
    };
    assert_problem(&step(&asked(auth).await, &mut another).await, 401, "passkey_invalid");
    let tokens = step(&asked(auth).await, &mut device).await.expect(200).tokens();
    let said = tokens.claims();
    assert_eq!((&said["acr"], &said["amr"]), (&json!("phr"), &json!(["pwd", "swk", "user", "mfa"])), "{said}");

    let options = auth.post("/auth/reauthenticate/options").bearer(&ada.tokens.access).send().await.expect(200);
    let again = async |device: &mut Authenticator| {
        let credential = device.get(&options["public_key"]);
        let body = json!({ "passkey": { "challenge_id": options["challenge_id"], "credential": credential } });
        auth.post("/auth/reauthenticate").bearer(&ada.tokens.access).json(&body).send().await
    };
    assert_problem(&again(&mut another).await, 401, "passkey_invalid");
    let strong = again(&mut device).await.expect(200);
    assert_eq!((&strong["acr"], &strong["amr"]), (&json!("phr"), &json!(["swk", "user", "mfa"])), "{strong}");
    assert_problem(&again(&mut device).await, 410, "challenge_expired");
}

async fn of_the_password_and_the_last_passkey_one_stays_however_they_are_removed(storage: Storage) {
    let stack = with_passkeys(Stack::on(storage)).unlimited().start_auth().await;
    let (auth, ada) = (&stack.auth, stack.ada().await);
    let mut access = ada.tokens.access.clone();
    for round in 0..6 {
        let options = auth.post("/auth/passkeys/options").bearer(&access).send().await.expect(200);
        let mut device = Authenticator::new(Algorithm::Es256, ORIGIN, "localhost");
        let body =
            json!({ "challenge_id": options["challenge_id"], "credential": device.create(&options["public_key"]) });
        let added = auth.post("/auth/passkeys").bearer(&access).json(&body).send().await.expect(201);
        let tokens = login(auth, &asked(auth).await, &mut device).await.expect(200).tokens();
        let path = format!("/auth/passkeys/{}", added["passkey"]["id"].as_str().unwrap_or_default());
        let password = auth.request("DELETE", "/auth/password").bearer(&tokens.access).send();
        let passkey = auth.request("DELETE", &path).bearer(&tokens.access).send();
        let (password, passkey) = futures_util::future::join(password, passkey).await;
        assert!(!(password.status == 204 && passkey.status == 204), "round {round}: no way in is left");
        if password.status == 204 {
            let first = json!({ "new": format!("another long password {round}") });
            auth.post("/auth/password").bearer(&tokens.access).json(&first).send().await.expect(204);
            auth.request("DELETE", &path).bearer(&tokens.access).send().await.expect(204);
        }
        access = tokens.access;
    }
}
