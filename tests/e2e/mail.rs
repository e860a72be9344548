//! Notices, and how they reach users: by a real conversation over SMTP, whatever the mail server does.

mod faults;
mod server;

use crate::metrics::counted;
use harness::{
    MailServer, Stack, Storage, assert_problem, eventually,
    person::{fresh_email, fresh_password},
    smtp::Received,
};
use serde_json::json;
use std::time::Duration;

/// How long an outage may take to end for a mail: the server's answer is waited for, and then the delays.
const PATIENCE: Duration = Duration::from_secs(60);

const FROM: &str = "Example <no-reply@example.com>";

/// A stack that sends its mails to this server.
pub(crate) async fn sending_to(server: &MailServer, storage: Storage) -> Stack {
    Stack::on(storage)
        .auth("AUTH_SMTP_URL", &server.url())
        .auth("AUTH_MAIL_FROM", FROM)
        .auth("AUTH_REGISTRATION_PROOF", "off")
        .start()
        .await
}

/// Waits until a metric shows a number: mails are counted when the outbox has noted what became of them.
async fn is_counted(stack: &Stack, name: &str, number: f64) {
    eventually(&format!("{name} is {number}"), PATIENCE, async || {
        (counted(&stack.auth, name).await == number).then_some(())
    })
    .await;
}

/// Waits until the log has this many lines with these words.
pub(crate) async fn lines_about(stack: &Stack, words: &str, number: usize) -> Vec<String> {
    eventually(&format!("{number} lines with {words:?}"), PATIENCE, async || {
        let log = stack.auth.log();
        let lines: Vec<String> = log.lines().filter(|line| line.contains(words)).map(str::to_owned).collect();
        (lines.len() == number).then_some(lines)
    })
    .await
}

/// What identifies a mail, however often it arrives.
fn name(mail: &Received) -> &str {
    mail.header("Message-ID")
}

#[tokio::test]
async fn users_are_notified_of_what_happens_to_their_accounts_on_sqlite() {
    users_are_notified(Storage::RedisAndSqlite).await;
}

#[tokio::test]
async fn users_are_notified_of_what_happens_to_their_accounts_on_postgres() {
    users_are_notified(Storage::RedisAndPostgres).await;
}

async fn users_are_notified(storage: Storage) {
    let server = MailServer::start();
    let stack = Stack::on(storage)
        .auth("AUTH_SMTP_URL", &server.url())
        .auth("AUTH_MAIL_FROM", FROM)
        .auth("AUTH_REGISTRATION_PROOF", "off");
    let stack = stack.auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (admin, ada, mut robbed) = (stack.admin().await, stack.ada().await, stack.person("robbed").await);
    let (disabled, gone, deleted) = (stack.bob().await, stack.person("gone").await, stack.person("deleted").await);

    stack.auth.change_password(&ada.tokens, &ada.password, &fresh_password()).await.expect(204);
    let stolen = robbed.tokens.clone();
    robbed.refresh().await;
    robbed.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
    for _ in 0..2 {
        stack.auth.change_user(&admin.tokens, &disabled.id, &json!({ "disabled": true })).await.expect(200);
    }
    stack.auth.delete_account(&gone.tokens, &gone.password).await.expect(204);
    stack.auth.delete_user(&admin.tokens, &deleted.id).await.expect(204);
    let set = stack.auth.command(&["user", "set-password", &robbed.email]).input(&fresh_password()).ended().await;
    assert_eq!(set.code, Some(0), "{set:?}");

    for (person, subject) in [
        (&ada, "Your password was changed"),
        (&disabled, "Your account was disabled"),
        (&gone, "Your account was deleted"),
        (&deleted, "Your account was deleted"),
    ] {
        let mail = server.mail_to(&person.email).await;
        assert_eq!((mail.header("Subject"), mail.header("From")), (subject, FROM));
        assert_eq!(mail.header("To"), person.email);
        assert!(mail.message.contains(&stack.auth.url()), "{}", mail.message);
        assert!(mail.message.contains("Content-Type: text/plain") && mail.message.contains("Content-Type: text/html"));
    }
    let to_robbed = server.mails_to(&robbed.email, 2).await;
    let subjects: Vec<&str> = to_robbed.iter().map(|mail| mail.header("Subject")).collect();
    assert_eq!(subjects, ["Somebody else may have used your account", "Your password was changed"]);
    assert_eq!(server.received().len(), 6, "nobody gets anything else, and nobody anything twice");
    for (kind, times) in [("password_changed", 2.0), ("theft_found", 1.0), ("account_deleted", 2.0)] {
        is_counted(&stack, &format!("mail_total{{kind={kind:?},result=\"delivered\"}}"), times).await;
    }
    let lines = lines_about(&stack, "mail delivered", 6).await;
    assert!(lines.iter().all(|line| line.contains("***@example.org") && !line.contains(&ada.email)), "{lines:#?}");
}

#[tokio::test]
async fn only_the_chosen_notices_are_sent() {
    let server = MailServer::start();
    let stack = Stack::on(Storage::Embedded)
        .auth("AUTH_SMTP_URL", &server.url())
        .auth("AUTH_MAIL_FROM", FROM)
        .auth("AUTH_REGISTRATION_PROOF", "off");
    let stack = stack.auth("AUTH_MAIL_NOTICES", "account_deleted").start().await;
    let ada = stack.ada().await;
    let new = fresh_password();
    stack.auth.change_password(&ada.tokens, &ada.password, &new).await.expect(204);
    stack.auth.delete_account(&ada.tokens, &new).await.expect(204);
    assert_eq!(server.mail_to(&ada.email).await.header("Subject"), "Your account was deleted");
    assert_eq!(server.received().len(), 1);
}

/// They are GHSA-mwmh-7px9-4c23 of another product: links in mails that lead wherever a header of the request said.
#[tokio::test]
async fn no_header_of_a_request_gets_into_a_mail() {
    let server = MailServer::start();
    let stack = sending_to(&server, Storage::Embedded).await;
    let ada = stack.ada().await;
    let body = json!({ "current": ada.password, "new": fresh_password() });
    let request = stack.auth.post("/auth/password").bearer(&ada.tokens.access).json(&body);
    let hostile = ["X-Forwarded-Host", "X-Original-Host", "X-Forwarded-Proto", "User-Agent", "Referer"];
    let request = hostile.iter().fold(request, |request, name| request.header(name, "evil.example"));
    let request = request.header("Forwarded", "host=evil.example;proto=https").header("Host", "evil.example");
    request.send().await.expect(204);
    let mail = server.mail_to(&ada.email).await;
    assert!(!mail.message.contains("evil.example") && mail.message.contains(&stack.auth.url()), "{}", mail.message);
}

#[tokio::test]
async fn a_mail_is_written_in_the_language_that_its_reader_asks_for() {
    let stack = Stack::any().start().await;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let mut password = ada.password.clone();
    for (accepted, subject) in [
        ("uk-UA,uk;q=0.9", "Ваш пароль змінено"),
        ("de,ru;q=0.5", "Ваш пароль изменён"),
        ("de", "Your password was changed"),
    ] {
        let new = fresh_password();
        let request = stack.auth.post("/auth/password").bearer(&ada.tokens.access).header("Accept-Language", accepted);
        request.json(&json!({ "current": password, "new": new })).send().await.expect(204);
        password = new;
        assert_eq!(crate::mailbox::newest_to(&stack, &ada.email).await["subject"], subject);
    }
    let request = stack.auth.request("DELETE", &format!("/admin/users/{}", ada.id)).bearer(&admin.tokens.access);
    request.header("Accept-Language", "uk").send().await.expect(204);
    let mail = crate::mailbox::newest_to(&stack, &ada.email).await;
    assert_eq!(mail["subject"], "Your account was deleted", "an admin's language is not the user's");
    // Who registered in a language is written to in it, whoever the mail is about.
    let (email, password) = (fresh_email("olha"), fresh_password());
    let registration = stack.auth.post("/auth/register").json(&json!({ "email": email, "password": password }));
    let olha = registration.header("Accept-Language", "uk").send().await.expect(201);
    stack.auth.change_user(&admin.tokens, &olha.id(), &json!({ "disabled": true })).await.expect(200);
    assert_eq!(crate::mailbox::newest_to(&stack, &email).await["subject"], "Ваш обліковий запис вимкнено");
}
