//! What is asked of new passwords, wherever one is set.

use harness::{
    Answer, Stack, Storage, Transport, assert_problem,
    command::{Ended, Run},
    person::fresh_email,
};
use serde_json::json;
use tempfile::TempDir;

/// 15 characters that nobody would guess.
const UNCOMMON: &str = "grumpy-otter-42";

/// What each way to set a password answers to this one: over HTTP, and on the command line.
async fn set_everywhere(stack: &Stack, password: &str) -> (Vec<(&'static str, Answer)>, Vec<(&'static str, Ended)>) {
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let user = json!({ "email": fresh_email("bob"), "password": password });
    let answers = vec![
        ("registration", stack.auth.register(&fresh_email("ada"), password).await),
        ("change", stack.auth.change_password(&ada.tokens, &ada.password, password).await),
        ("creation by an admin", stack.auth.create_user(&admin.tokens, &user).await),
    ];
    let input = format!("{password}\n");
    let (create, set) = (fresh_email("cleo"), ada.email.clone());
    let mut ended = Vec::new();
    for (way, arguments) in [
        ("user create", ["user", "create", "--email", &create]),
        ("user set-password", ["user", "set-password", &set, "--json"]),
    ] {
        ended.push((way, stack.auth.command(&arguments).input(&input).ended().await));
    }
    let directory = TempDir::new().expect("a directory");
    let first = Run::new("auth-service", directory.path(), &["init"]).envs(stack.auth.settings());
    let first = first.env("AUTH_DATABASE_URL", "sqlite://fresh/auth.db");
    ended.push(("the first admin", first.env("AUTH_ADMIN_PASSWORD", password).ended().await));
    (answers, ended)
}

#[tokio::test]
async fn as_many_characters_as_the_settings_say_are_asked_for_wherever_a_password_is_set() {
    for (setting, value) in [("AUTH_PASSWORD_MIN", "15"), ("AUTH_PASSWORD_POLICY", "nist")] {
        let stack = Stack::on(Storage::Embedded).auth(setting, value).start_auth().await;
        let (answers, ended) = set_everywhere(&stack, &UNCOMMON[1..]).await;
        for (way, answer) in answers {
            eprintln!("{way}");
            assert_problem(&answer, 422, "weak_password");
            assert!(answer.body.contains("15 to 256 characters"), "{answer}");
        }
        for (way, ended) in ended {
            assert!(ended.code == Some(1) && ended.errors.contains("15 to 256 characters"), "{way}: {ended:?}");
        }
        let (answers, ended) = set_everywhere(&stack, UNCOMMON).await;
        assert!(answers.iter().all(|(_, answer)| (200..300).contains(&answer.status)), "{answers:?}");
        assert!(ended.iter().all(|(_, ended)| ended.code == Some(0)), "{ended:?}");
    }
}

#[tokio::test]
async fn words_of_the_company_make_no_password_wherever_one_is_set() {
    let stack = Stack::on(Storage::Embedded).auth("AUTH_PASSWORD_WORDS", "Quuxcorp, frobnicator").start_auth().await;
    let (answers, ended) = set_everywhere(&stack, "Quuxcorp2026").await;
    for (way, answer) in answers {
        eprintln!("{way}");
        assert_problem(&answer, 422, "weak_password");
    }
    assert!(
        ended.iter().all(|(_, ended)| ended.code == Some(1) && ended.errors.contains("easy to guess")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_password_that_was_set_before_the_rules_still_logs_in() {
    let mut stack = Stack::on(Storage::Embedded).start_auth().await;
    let email = fresh_email("ada");
    stack.auth.register(&email, UNCOMMON).await.expect(201);
    stack.auth.set("AUTH_PASSWORD_MIN", "64");
    stack.auth.set("AUTH_PASSWORD_WORDS", UNCOMMON);
    stack.auth.restart().await;
    stack.auth.login(&email, UNCOMMON, Transport::Body).await.tokens();
}
