//! The notice of a login from a device and a network that are new for a user.

use crate::letters::PATIENCE;
use harness::{Stack, Storage, Transport, eventually};
use serde_json::json;

on_every_storage! {
    a_login_from_a_new_device_and_network_is_told_once_a_day,
}

/// How many such notices an address has.
async fn notices(stack: &Stack, email: &str) -> usize {
    stack.auth.mails(email).await.iter().filter(|mail| mail["kind"] == "new_device").count()
}

async fn a_login_from_a_new_device_and_network_is_told_once_a_day(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let home = stack.auth.from_address("127.0.1.7");
    let (email, password) = (harness::person::fresh_email("ada"), harness::person::fresh_password());
    home.register(&email, &password).await.expect(201);
    let login = async |from: &str| {
        let auth = stack.auth.from_address(from);
        auth.login(&email, &password, Transport::Body).await.expect(200).tokens()
    };
    let first = login("127.0.1.7").await;
    // The same network: another address of the same provider.
    login("127.0.1.200").await;
    // A device that has logged in before, wherever it is now.
    let known = stack.auth.from_address("127.0.2.9");
    let cookie = json!({ "email": email, "password": password });
    let browser = home.post("/auth/login").json(&cookie).send().await.expect(200).tokens();
    let again = known.post("/auth/login").header("cookie", &format!("jeton-refresh={}", browser.refresh));
    again.json(&cookie).send().await.expect(200);
    assert_eq!(notices(&stack, &email).await, 0);
    login("127.0.3.5").await;
    eventually("the notice", PATIENCE, async || (notices(&stack, &email).await == 1).then_some(())).await;
    let mails = stack.auth.mails(&email).await;
    let mail = mails.iter().find(|mail| mail["kind"] == "new_device").expect("the notice");
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("127.0.3.5")), "{mail}");
    // Not again within a day, and not for a wrong password.
    login("127.0.4.1").await;
    stack.auth.from_address("127.0.5.1").login(&email, "wrong", Transport::Body).await.expect(401);
    let me = stack.auth.get("/auth/me/export").bearer(&first.access).send().await.expect(200);
    let events = me["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(events.iter().filter(|event| event["action"] == "new_device").count(), 1, "{me}");
    assert_eq!(notices(&stack, &email).await, 1);
}
