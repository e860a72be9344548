//! `resource-service doctor` finds what is wrong, says what to change, and changes nothing.

use harness::{
    Site, Stack,
    command::{Ended, Run},
    forge::Issuer,
    site::Reply,
    sockets::{fresh_listener, port_of},
};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

async fn doctor(stack: &Stack) -> Ended {
    stack.resource.command(&["doctor"]).ended().await
}

/// Asserts that it ended with `code` and printed all the texts, each on a line of its severity.
#[track_caller]
fn assert_says(ended: &Ended, code: i32, said: &[(&str, &str)]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.output, ended.errors);
    for (severity, words) in said {
        let is_said = ended.output.lines().any(|line| line.starts_with(severity) && line.contains(words));
        assert!(is_said, "no {severity} says {words:?}\n{}", ended.output);
    }
}

#[tokio::test]
async fn a_healthy_service_gets_notes_at_most() {
    let stack = Stack::any().resource("RESOURCE_ALLOWED_ORIGINS", "http://app.example").start().await;
    let healthy = [
        ("ok", "holds 1 usable key(s)"),
        ("ok", "as RESOURCE_ISSUER says"),
        ("ok", "the clock of the issuer agrees"),
        ("ok", "confirmed 0 minutes ago"),
        ("ok", "books.db accepts writes"),
        ("ok", "the service on this machine is ready"),
        ("ok", "pages of http://app.example may call"),
    ];
    // The snapshot is written a moment after the service is ready.
    let mut ended = doctor(&stack).await;
    for _ in 0..100 {
        if ended.output.contains("confirmed 0 minutes ago") {
            break;
        }
        ended = doctor(&stack).await;
    }
    assert_says(&ended, 0, &healthy);
    let json = stack.resource.command(&["doctor", "--json"]).ended().await;
    let report: Value = serde_json::from_str(&json.output).expect("one document");
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!((json.code, findings.len()), (Some(0), ended.output.lines().count()), "{report}");
    assert!(findings.iter().all(|found| found["severity"].is_string() && found["text"].is_string()), "{report}");
}

#[tokio::test]
async fn each_wrong_setting_is_named() {
    let mut stack = Stack::any().start().await;
    let auth = stack.auth.url();
    let anything = Site::start(|_| Reply::json(&json!({ "status": "ready" })));
    let wrong = [
        ("RESOURCE_ISSUER", format!("{auth}/"), "error", "RESOURCE_ISSUER is"),
        ("RESOURCE_JWKS_URL", format!("{auth}/nowhere"), "error", "answers 404"),
        ("RESOURCE_JWKS_URL", "http://127.0.0.1:1/".to_owned(), "error", "cannot be fetched"),
        (
            "RESOURCE_JWKS_URL",
            format!("{auth}/.well-known/oauth-authorization-server"),
            "error",
            "this is not a key set",
        ),
        ("RESOURCE_JWKS_FILE", "/dev/zero".to_owned(), "error", "must be a file"),
        ("RESOURCE_JWKS_FILE", "nowhere.pem".to_owned(), "error", "nowhere.pem cannot be read"),
        ("RESOURCE_JWKS_SNAPSHOT", "data/books.db/jwks.json".to_owned(), "error", "cannot be written"),
        ("RESOURCE_JWKS_SNAPSHOT", "data".to_owned(), "error", "cannot be written: it is a directory"),
        ("RESOURCE_JWKS_SNAPSHOT", "./data/books.db".to_owned(), "error", "name the same file"),
        ("RESOURCE_DATABASE_URL", "sqlite://data/books.db?mode=ro".to_owned(), "error", "books must be writable"),
        ("RESOURCE_DATABASE_URL", "sqlite::memory:".to_owned(), "error", "would be gone"),
        ("RESOURCE_ADMIN_LISTEN", format!("127.0.0.1:{}", stack.auth.port()), "error", "is not ready"),
        ("RESOURCE_ADMIN_LISTEN", format!("127.0.0.1:{}", anything.port()), "error", "another program's"),
        ("RESOURCE_DATABASE_URL", "sqlite://data/books.db/more.db".to_owned(), "error", "cannot be created"),
        ("RESOURCE_ALLOWED_ORIGINS", "http://new.example".to_owned(), "error", "keep pages of http://new.example"),
        ("RESOURCE_LISTEN", "8081".to_owned(), "error", "RESOURCE_LISTEN: not an address"),
        ("RESOURCE_JWKS_ULR", "x".to_owned(), "error", "did you mean RESOURCE_JWKS_URL?"),
    ];
    for (setting, value, severity, words) in wrong {
        let ended = stack.resource.command(&["doctor"]).env(setting, &value).ended().await;
        assert_says(&ended, 2, &[(severity, words)]);
    }
    let snapshot = stack.data().join("jwks.json");
    fs::write(&snapshot, "notes").expect("our own directory");
    assert_says(&doctor(&stack).await, 2, &[("error", "it is not a snapshot")]);
    fs::write(&snapshot, r#"{"fetched_at":"#).expect("our own directory");
    assert_says(&doctor(&stack).await, 1, &[("warning", "it is damaged; the next fetch of the keys replaces it")]);
    assert!(stack.resource.stop().success());
    let listener = fresh_listener();
    let taken = format!("127.0.0.1:{}", port_of(&listener));
    let ended = stack.resource.command(&["doctor"]).env("RESOURCE_LISTEN", &taken).ended().await;
    assert_says(&ended, 2, &[("error", "RESOURCE_LISTEN")]);
    assert_says(&doctor(&stack).await, 1, &[("note", "the service does not run")]);
}

#[tokio::test]
async fn each_key_that_is_not_used_is_named_with_its_reason() {
    let issuer = Issuer::new("http://issuer.test");
    let mut weak = issuer.public_key().clone();
    (weak["kid"], weak["e"]) = (json!("weak"), json!("Aw"));
    let set = json!({ "keys": [{ "kty": "EC", "kid": "theirs" }, issuer.public_key(), weak] });
    let site = Site::start(move |_| Reply::json(&set));
    let directory = TempDir::new().expect("a temporary directory");
    let ended = Run::new("resource-service", directory.path(), &["doctor"])
        .env("RESOURCE_JWKS_URL", &format!("{}/.well-known/jwks.json", site.url()))
        .env("RESOURCE_ADMIN_LISTEN", "127.0.0.1:0")
        .env("RESOURCE_LISTEN", "127.0.0.1:0")
        .ended()
        .await;
    let said = [
        ("ok", issuer.key_id()),
        ("note", r#"("theirs") is not used: not an RSA key"#),
        ("warning", r#"("weak") is not used: its exponent"#),
        ("warning", "has no Cache-Control: max-age"),
        ("note", "cannot check whether the issuer calls itself"),
    ];
    assert_says(&ended, 1, &said);
}

#[tokio::test]
async fn the_doctor_creates_nothing() {
    let directory = TempDir::new().expect("a temporary directory");
    let run = Run::new("resource-service", directory.path(), &["doctor"]).env("RESOURCE_ISSUER", "http://127.0.0.1:1");
    let ended = run.env("RESOURCE_ADMIN_LISTEN", "127.0.0.1:0").env("RESOURCE_LISTEN", "127.0.0.1:0").ended().await;
    let said = [
        ("error", "the keys at http://127.0.0.1:1/.well-known/jwks.json cannot be fetched"),
        ("note", "jwks.json does not exist yet"),
        ("note", "books.db does not exist yet"),
        ("note", "the service does not run"),
    ];
    assert_says(&ended, 2, &said);
    let made = fs::read_dir(directory.path()).expect("the directory is there").count();
    assert_eq!(made, 0, "the doctor has created something in its directory");
}
