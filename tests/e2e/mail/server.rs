//! Connections to a mail server that are secured, what operators see of it, and settings that are wrong.

use super::FROM;
use harness::{
    MailServer, Stack, Storage,
    command::{Ended, Run},
    person::fresh_password,
    service::Service,
    smtp::{Manner, Security},
};
use std::{fs, path::Path};
use tempfile::TempDir;

fn certificate(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/tls").join(name).to_string_lossy().into_owned()
}

async fn trusting(authority: &str, server: &MailServer) -> Stack {
    let mut stack = Stack::on(Storage::Embedded)
        .auth("AUTH_SMTP_URL", &server.url())
        .auth("AUTH_MAIL_FROM", FROM)
        .auth("AUTH_REGISTRATION_PROOF", "off")
        .prepare();
    stack.auth.set("SSL_CERT_FILE", &certificate(authority));
    stack.auth.set("SSL_CERT_DIR", "/nowhere");
    stack.auth.start().await;
    stack
}

async fn test_mail(service: &Service) -> Ended {
    service.command(&["mail", "test", "--to", "ada@example.com"]).ended().await
}

async fn doctor_on_mail(service: &Service) -> String {
    let ended = service.command(&["doctor"]).ended().await;
    let line = ended.output.lines().find(|line| line.contains("mail server"));
    line.unwrap_or_else(|| panic!("{ended:?}")).to_owned()
}

#[tokio::test]
async fn mails_go_over_tls_and_after_a_login_and_operators_can_try_it() {
    for (security, steps) in
        [(Security::StartTls, &["connect", "STARTTLS", "log in"][..]), (Security::Tls, &["connect", "log in"])]
    {
        let server = MailServer::secured(security);
        let stack = trusting("authority.pem", &server).await;
        let ada = stack.ada().await;
        stack.auth.change_password(&ada.tokens, &ada.password, &fresh_password()).await.expect(204);
        server.mail_to(&ada.email).await;

        let seen = doctor_on_mail(&stack.auth).await;
        assert!(seen.starts_with("ok ") && seen.contains(&steps.join(", ")), "{seen}");
        assert_eq!(server.received().len(), 1, "the doctor sends nothing");
        let tried = test_mail(&stack.auth).await;
        assert_eq!(tried.code, Some(0), "{tried:?}");
        assert!(steps.iter().all(|step| tried.output.contains(step)) && tried.output.contains("queued"), "{tried:?}");
        assert_eq!(server.mail_to("ada@example.com").await.header("Subject"), "A test of mails");

        server.turns(Manner::KnowsNobody);
        let (seen, tried) = (doctor_on_mail(&stack.auth).await, test_mail(&stack.auth).await);
        assert!(seen.starts_with("error ") && seen.contains("log in: ") && seen.contains("535"), "{seen}");
        assert_eq!(tried.code, Some(1), "{tried:?}");
        assert!(tried.errors.contains("log in: ") && tried.errors.contains("done      connect"), "{tried:?}");
        let said = format!("{seen}{tried:?}{}", stack.auth.log());
        assert!(!said.contains("hunter2") && !said.contains("AGpldG9u"), "{said}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_whose_certificate_is_not_trusted() {
    for security in [Security::StartTls, Security::Tls] {
        let server = MailServer::secured(security);
        let stack = trusting("another-authority.pem", &server).await;
        let (seen, tried) = (doctor_on_mail(&stack.auth).await, test_mail(&stack.auth).await);
        assert!(seen.starts_with("error ") && seen.contains("certificate"), "{seen}");
        assert_eq!(tried.code, Some(1), "{tried:?}");
        assert_eq!(server.received(), []);
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password_and_no_mail() {
    let server = MailServer::start();
    let directory = TempDir::new().expect("a temporary directory");
    let url = server.url().replace("smtp://", "smtp://jeton:hunter2hunter2@") + "?tls=required";
    let run = Run::new("auth-service", directory.path(), &["mail", "test", "--to", "ada@example.com"]);
    let tried = run.env("AUTH_SMTP_URL", &url).env("AUTH_MAIL_FROM", FROM).ended().await;
    assert_eq!(tried.code, Some(1), "{tried:?}");
    assert!(tried.errors.contains("STARTTLS") && !tried.errors.contains("hunter2"), "{tried:?}");
    assert_eq!(server.received(), []);
}

#[tokio::test]
async fn wrong_settings_of_mails_stop_the_start_and_show_no_password() {
    let templates = TempDir::new().expect("a temporary directory");
    fs::create_dir(templates.path().join("en")).expect("our own directory");
    fs::write(templates.path().join("en/theft_found.txt"), "Subject: x\n\n{{ nonsense }}\n")
        .expect("our own directory");
    let templates = templates.path().to_string_lossy().into_owned();
    for (settings, words) in [
        (&[("AUTH_SMTP_URL", "smtp://u:hunter2@mail.example.com"), ("AUTH_MAIL_FROM", FROM)][..], "?tls=required"),
        (&[("AUTH_SMTP_URL", "smtps://u:hunter2@mail.example.com")], "AUTH_MAIL_FROM: missing"),
        (&[("AUTH_MAIL_FROM", FROM)], "AUTH_SMTP_URL: missing"),
        (&[("AUTH_MAIL_FROM", "nobody"), ("AUTH_SMTP_URL", "smtps://mail.example.com")], "AUTH_MAIL_FROM: must be"),
        (&[("AUTH_MAIL_LANGUAGE", "de")], "AUTH_MAIL_LANGUAGE: must be en, uk or ru"),
        (&[("AUTH_MAIL_NOTICES", "password_change")], "AUTH_MAIL_NOTICES: must be on, off"),
        (&[("AUTH_MAIL_TEMPLATES", &templates)], "AUTH_MAIL_TEMPLATES: en/theft_found.txt, line 3"),
    ] {
        let directory = TempDir::new().expect("a temporary directory");
        let run = Run::new("auth-service", directory.path(), &[])
            .env("AUTH_LISTEN", "127.0.0.1:0")
            .env("AUTH_ADMIN_LISTEN", "127.0.0.1:0");
        let ended = settings.iter().fold(run, |run, (name, value)| run.env(name, value)).ended().await;
        assert_eq!(ended.code, Some(2), "{settings:?}: {ended:?}");
        assert!(ended.errors.contains(words) && !ended.errors.contains("hunter2"), "{ended:?}");
    }
}
