//! A mail server that is away, slow, or refuses: no request notices, and the mails arrive.

use super::{FROM, PATIENCE, is_counted, name, sending_to};
use crate::{metrics::counted, stores};
use auth_service::domain::{
    Language,
    accounts::EmailAddress,
    mail::{Mail, MailKind, SealedMail},
    secrets::{KeyRing, RootSecret},
};
use harness::{MailServer, Person, Stack, Storage, eventually, person::fresh_password, smtp::Manner};
use serde_json::Value;
use shared::clock::{Clock as _, SystemClock};
use std::{collections::BTreeSet, time::Duration};

async fn change_password(stack: &Stack, person: &mut Person) {
    let new = fresh_password();
    stack.auth.once().change_password(&person.tokens, &person.password, &new).await.expect(204);
    person.password = new;
}

async fn listed(stack: &Stack) -> Vec<Value> {
    let ended = stack.auth.command(&["mail", "list", "--json"]).ended().await;
    let json: Value = serde_json::from_str(&ended.output).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    json["mails"].as_array().expect("a list").clone()
}

/// Lets all leases and delays end, as if the time had passed.
async fn all_are_due(stack: &Stack) {
    let (_, url) = stores::database(stack);
    let mut database = stores::open(&url).await;
    let update = "UPDATE mail_outbox SET not_before = 0";
    sqlx::query(update).execute(&mut database).await.expect("the database answers");
}

#[tokio::test]
async fn no_request_waits_for_a_mail_server_that_hangs_or_puts_off_and_the_mail_arrives() {
    let server = MailServer::start();
    let stack = sending_to(&server, Storage::Embedded).await;
    let mut ada = stack.ada().await;
    for (number, manner) in [Manner::Hangs, Manner::PutsOff].into_iter().enumerate() {
        server.turns(manner);
        change_password(&stack, &mut ada).await;
        eventually("the server is asked", PATIENCE, async || (server.connections() > number).then_some(())).await;
        assert_eq!(server.received().len(), number, "the request was answered without the mail");
        server.turns(Manner::Accepts);
        all_are_due(&stack).await;
        server.mails_to(&ada.email, number + 1).await;
    }
    assert!(counted(&stack.auth, r#"mail_total{kind="password_changed",result="put_off"}"#).await >= 1.0);
    is_counted(&stack, "mail_waiting", 0.0).await;
}

#[tokio::test]
async fn while_nobody_listens_mails_wait_and_are_shown_with_the_reason() {
    let server = MailServer::start();
    let mut stack = Stack::on(Storage::Embedded)
        .auth("AUTH_SMTP_URL", &format!("smtp://127.0.0.1:{}", harness::sockets::fresh_port()))
        .auth("AUTH_MAIL_FROM", FROM)
        .auth("AUTH_REGISTRATION_PROOF", "off")
        .start()
        .await;
    let mut ada = stack.ada().await;
    change_password(&stack, &mut ada).await;
    let waiting = eventually("it was tried", PATIENCE, async || {
        listed(&stack).await.into_iter().find(|mail| !mail["last_error"].is_null())
    })
    .await;
    assert_eq!((&waiting["state"], &waiting["to"]), (&"waiting".into(), &ada.email.as_str().into()), "{waiting}");
    assert!(waiting["last_error"].as_str().is_some_and(|error| error.starts_with("connect: ")), "{waiting}");
    is_counted(&stack, "mail_waiting", 1.0).await;
    stack.auth.set("AUTH_SMTP_URL", &server.url());
    stack.auth.restart().await;
    all_are_due(&stack).await;
    server.mail_to(&ada.email).await;
}

#[tokio::test]
async fn a_mail_that_the_server_refuses_is_given_up_and_shown_without_its_content() {
    let server = MailServer::start();
    server.turns(Manner::Refuses);
    let stack = sending_to(&server, Storage::Embedded).await;
    let mut ada = stack.ada().await;
    change_password(&stack, &mut ada).await;
    let refused = eventually("it is given up", PATIENCE, async || {
        listed(&stack).await.into_iter().find(|mail| mail["state"] == "refused")
    })
    .await;
    let error = refused["last_error"].as_str().unwrap_or_default();
    assert!(error.contains("550") && error.contains("a***@example.org") && !error.contains(&ada.email), "{error}");
    is_counted(&stack, r#"mail_total{kind="password_changed",result="refused"}"#, 1.0).await;
    server.turns(Manner::Accepts);
    let mut bob = stack.bob().await;
    change_password(&stack, &mut bob).await;
    server.mail_to(&bob.email).await;
    assert_eq!(server.received().len(), 1, "nothing is tried again that was refused for good");
    assert!(!stack.auth.log().contains(&ada.email), "{}", stack.auth.log());
}

#[tokio::test]
async fn a_mail_that_has_expired_or_was_turned_elsewhere_is_not_sent() {
    let server = MailServer::start();
    server.turns(Manner::PutsOff);
    let stack = sending_to(&server, Storage::Embedded).await;
    let (mut ada, mut bob, mut eve) = (stack.ada().await, stack.bob().await, stack.person("eve").await);
    for person in [&mut ada, &mut bob] {
        change_password(&stack, person).await;
    }
    eventually("both were tried", PATIENCE, async || {
        listed(&stack).await.iter().all(|mail| !mail["last_error"].is_null()).then_some(())
    })
    .await;
    let (_, url) = stores::database(&stack);
    let mut database = stores::open(&url).await;
    for (change, address) in [("expires_at = 0", &ada.email), ("address = 'eve@example.org'", &bob.email)] {
        let update = format!("UPDATE mail_outbox SET {change} WHERE address = $1");
        let update = sqlx::query(sqlx::AssertSqlSafe(update)).bind(address.clone());
        assert_eq!(update.execute(&mut database).await.expect("the database answers").rows_affected(), 1);
    }
    server.turns(Manner::Accepts);
    all_are_due(&stack).await;
    change_password(&stack, &mut eve).await;
    server.mail_to(&eve.email).await;
    let states = eventually("all are settled", PATIENCE, async || {
        let states: BTreeSet<String> = listed(&stack).await.iter().map(|mail| mail["state"].to_string()).collect();
        (!states.contains("\"waiting\"")).then_some(states)
    })
    .await;
    assert_eq!(states, ["\"expired\"".to_owned(), "\"unreadable\"".to_owned()].into());
    assert_eq!(server.received().len(), 1, "only the new one was sent");
    assert!(stack.auth.log().contains("a mail cannot be opened and is not sent"));
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_comes_again_with_the_same_message_id() {
    let server = MailServer::start();
    server.turns(Manner::CutsAfterData);
    let stack = sending_to(&server, Storage::Embedded).await;
    let mut ada = stack.ada().await;
    change_password(&stack, &mut ada).await;
    server.mail_to(&ada.email).await;
    server.turns(Manner::Accepts);
    let twice = server.mails_to(&ada.email, 2).await;
    let names: BTreeSet<&str> = twice.iter().map(name).collect();
    assert!(names.len() == 1 && names.iter().all(|name| name.len() > 10), "{names:?}");
}

#[tokio::test]
async fn a_mail_that_was_being_sent_at_a_kill_comes_again_when_its_lease_has_ended() {
    let server = MailServer::start();
    server.turns(Manner::KeepsTheAnswer);
    let mut stack = sending_to(&server, Storage::Embedded).await;
    let mut ada = stack.ada().await;
    change_password(&stack, &mut ada).await;
    let first = server.mail_to(&ada.email).await;
    stack.auth.kill();
    server.turns(Manner::Accepts);
    stack.auth.start().await;
    assert_eq!(listed(&stack).await.len(), 1, "it is still in the outbox");
    all_are_due(&stack).await;
    let twice = server.mails_to(&ada.email, 2).await;
    assert_eq!(name(&twice[1]), name(&first));
}

#[tokio::test]
async fn a_service_stops_although_the_mail_server_hangs_and_loses_no_mail() {
    let server = MailServer::start();
    server.turns(Manner::KeepsTheAnswer);
    let mut stack = sending_to(&server, Storage::Embedded).await;
    let mut people = vec![stack.ada().await, stack.bob().await];
    for person in &mut people {
        change_password(&stack, person).await;
    }
    eventually("a mail is being sent", PATIENCE, async || (!server.received().is_empty()).then_some(())).await;
    let status = stack.auth.stop();
    assert!(status.success(), "{status}");
    server.turns(Manner::Accepts);
    stack.auth.start().await;
    all_are_due(&stack).await;
    for person in &people {
        server.mail_to(&person.email).await;
    }
    eventually("the outbox is empty", PATIENCE, async || listed(&stack).await.is_empty().then_some(())).await;
}

/// Twice as many connections as one replica makes, and no mail twice.
#[tokio::test]
async fn ten_thousand_waiting_mails_are_sent_once_each_by_two_replicas() {
    const MAILS: usize = 10_000;
    let server = MailServer::start();
    let mut stack = sending_to(&server, Storage::RedisAndPostgres).await;
    stack.auth.stop();
    fill_outbox(&stack, MAILS).await;
    stack.auth.start().await;
    let replica = stack.replica().await;
    eventually("all have arrived", 4 * PATIENCE, async || (server.received().len() >= MAILS).then_some(())).await;
    for service in [&stack.auth, &replica] {
        eventually("the outbox is empty", PATIENCE, async || {
            (counted(service, "mail_waiting").await == 0.0).then_some(())
        })
        .await;
    }
    let received = server.received();
    let different: BTreeSet<&str> = received.iter().map(name).collect();
    assert_eq!((received.len(), different.len()), (MAILS, MAILS));
}

async fn fill_outbox(stack: &Stack, number: usize) {
    let root = RootSecret::parse(&stack.root_secret()).unwrap_or_else(|error| panic!("{error}"));
    let (secrets, now) = (KeyRing::new(&root, None), SystemClock.now());
    let (_, url) = stores::database(stack);
    let mut database = stores::open(&url).await;
    sqlx::query("BEGIN").execute(&mut database).await.expect("the database answers");
    for number in 0..number {
        let mail = Mail {
            kind: MailKind::PasswordChanged,
            to: EmailAddress::parse(&format!("somebody{number}@example.org")).expect("an address"),
            language: Language::English,
            expires_at: now.plus(Duration::from_secs(3600)),
            params: MailKind::PasswordChanged.sample(),
        };
        let mail = SealedMail::of(mail, &secrets, now);
        sqlx::query(
            "INSERT INTO mail_outbox (id, kind, address, language, content, created_at, expires_at, not_before, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)",
        )
        .bind(mail.id.to_string())
        .bind(mail.kind.name())
        .bind(mail.to.to_string())
        .bind(mail.language.code())
        .bind(mail.sealed)
        .bind(mail.created_at.millis())
        .bind(mail.expires_at.millis())
        .execute(&mut database)
        .await
        .expect("the database answers");
    }
    sqlx::query("COMMIT").execute(&mut database).await.expect("the database answers");
}
