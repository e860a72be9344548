//! Without a mail server: the mailbox that operators read.

use harness::{Answer, Stack, Storage, assert_problem, eventually, person::fresh_password};
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

on_every_storage! {
    mails_are_kept_where_operators_read_them,
}

/// The newest mail of the mailbox to this address, once there is one.
pub(crate) async fn newest_to(stack: &Stack, address: &str) -> Value {
    let command = ["mail", "list", "--json"];
    let id = eventually("the mailbox has taken all", PATIENCE, async || {
        let listed = stack.auth.command(&command).ended().await;
        let listed: Value = serde_json::from_str(&listed.output).unwrap_or_else(|error| panic!("{error}: {listed:?}"));
        let mails = listed["mails"].as_array().expect("a list").clone();
        let is_settled = mails.iter().all(|mail| mail["state"] == "kept");
        let newest = mails.into_iter().find(|mail| mail["to"] == address);
        newest.filter(|_| is_settled).map(|mail| mail["id"].as_str().expect("an id").to_owned())
    })
    .await;
    let shown = stack.auth.command(&["mail", "show", &id, "--json"]).ended().await;
    serde_json::from_str(&shown.output).unwrap_or_else(|error| panic!("{error}: {shown:?}"))
}

async fn page(stack: &Stack, path: &str) -> Answer {
    stack.auth.admin_address().get(path).send().await
}

async fn mails_are_kept_where_operators_read_them(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    stack.auth.change_password(&ada.tokens, &ada.password, &fresh_password()).await.expect(204);
    let kept = newest_to(&stack, &ada.email).await;
    assert_eq!((&kept["kind"], &kept["subject"]), (&"password_changed".into(), &"Your password was changed".into()));
    let text = kept["text"].as_str().expect("a text");
    assert!(text.contains("127.0.0.1") || text.contains(&stack.our_address()), "{text}");
    let id = kept["id"].as_str().expect("an id");
    let shown = stack.auth.command(&["mail", "show", id]).ended().await.output;
    assert!(shown.contains(text.trim_end()) && shown.contains(&ada.email), "{shown}");
    let lines = crate::mail::lines_about(&stack, "mail kept in the mailbox", 1).await;
    assert!(lines[0].contains("a***@example.org") && lines[0].contains("password_changed"), "{}", lines[0]);
    assert!(!stack.auth.log().contains(&ada.email), "{}", stack.auth.log());
}

#[tokio::test]
async fn the_mailbox_is_a_page_on_the_admin_address_without_scripts_for_this_machine_only() {
    let stack = Stack::on(Storage::Embedded).start().await;
    let ada = stack.ada().await;
    page(&stack, "/mailbox").await.expect(200);
    stack.auth.change_password(&ada.tokens, &ada.password, &fresh_password()).await.expect(204);
    let kept = newest_to(&stack, &ada.email).await;
    let path = format!("/mailbox/{}", kept["id"].as_str().expect("an id"));
    let list = page(&stack, "/mailbox").await.expect(200);
    assert!(list.body.contains(&path) && list.body.contains(&ada.email), "{list}");
    let shown = page(&stack, &path).await.expect(200);
    assert!(
        shown.body.contains("<iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\""),
        "{shown}"
    );
    for answer in [&list, &shown] {
        assert!(answer.header("content-type").starts_with("text/html"), "{answer}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let json = stack.auth.admin_address().get(&path).header("Accept", "application/json").send().await.expect(200);
    assert_eq!((&json["text"], &json["html"]), (&kept["text"], &kept["html"]));
    assert_eq!(page(&stack, "/mailbox/01a1fc6e-d371-749b-bbb1-a62db714347a").await.status, 404);
    assert_eq!(page(&stack, "/mailbox/nonsense").await.status, 404);
    assert_eq!(stack.auth.get("/mailbox").try_send().await.expect("an answer").status, 404, "not for the public");
    for host in ["evil.example", "evil.example:9080", "localhost.evil.example"] {
        let rebound = stack.auth.admin_address().get(&path).header("Host", host).send().await;
        assert_problem(&rebound, 403, "local_only");
    }
}

#[tokio::test]
async fn where_mails_are_sent_there_is_no_mailbox() {
    let server = harness::MailServer::start();
    let stack = crate::mail::sending_to(&server, Storage::Embedded).await;
    assert_problem(&page(&stack, "/mailbox").await, 404, "not_found");
}
