//! The subcommands.

use harness::{
    Stack, Storage, Transport, assert_problem,
    command::{Ended, Run},
    person::{Person, fresh_email, fresh_password},
};
use tempfile::TempDir;

on_every_storage! {
    a_user_created_on_the_command_line_can_log_in,
    ending_all_sessions_logs_everybody_out_for_good,
}

async fn create(stack: &Stack, email: &str, role: &str, password: &str) -> Ended {
    let arguments = ["user", "create", "--email", email, "--role", role, "--password-stdin"];
    stack.auth.command(&arguments).input(&format!("{password}\n")).ended().await
}

async fn a_user_created_on_the_command_line_can_log_in(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (email, password) = (fresh_email("root"), fresh_password());
    let ended = create(&stack, &email, "admin", &password).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!format!("{ended:?}").contains(&password));
    let admin = Person::registered(&stack.auth, &email, &password).await;
    stack.auth.users(&admin.tokens, "").await.expect(200);
}

async fn ending_all_sessions_logs_everybody_out_for_good(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, bob) = (stack.ada().await, stack.ada_in_a_browser().await);
    let ended = stack.auth.command(&["sessions", "end-all"]).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for person in [&ada, &bob] {
        assert_problem(&stack.auth.refresh(&person.tokens).await, 401, "session_ended");
        assert_problem(&stack.auth.me(&person.tokens).await, 401, "token_invalid");
    }
    stack.auth.refresh(&ada.another_device().await).await.tokens();
}

#[tokio::test]
async fn a_user_that_cannot_be_created_is_an_error_with_a_reason() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let wrong = [
        (ada.email.as_str(), "reader", fresh_password()),
        ("no email", "reader", fresh_password()),
        ("new@example.org", "emperor", fresh_password()),
        ("new@example.org", "reader", "password".to_owned()),
        ("new@example.org", "reader", String::new()),
    ];
    for (email, role, password) in wrong {
        let ended = create(&stack, email, role, &password).await;
        assert!(ended.code.is_some_and(|code| code != 0), "{email} {role}: {ended:?}");
        assert!(!ended.errors.trim().is_empty() && !ended.errors.contains("panicked"), "{ended:?}");
    }
}

#[tokio::test]
async fn with_json_wrong_arguments_are_reported_as_a_document() {
    let directory = TempDir::new().expect("a temporary directory");
    for (service, arguments, reason) in [
        ("auth-service", &["sessions", "end", "ada@example.org", "nonsense", "--json"][..], "nonsense"),
        ("auth-service", &["keys", "revoke", "--json"], "<KID>"),
        ("auth-service", &["doctor", "--json", "--lissten", "x"], "--lissten"),
        ("resource-service", &["doctor", "--json", "x"], "'x'"),
    ] {
        let ended = Run::new(service, directory.path(), arguments).ended().await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let document: serde_json::Value = serde_json::from_str(&ended.output).expect("one document");
        assert!(document["error"].as_str().is_some_and(|said| said.contains(reason)), "{document}");
        assert!(ended.errors.starts_with("error: ") && ended.errors.contains(reason), "{ended:?}");
        let without: Vec<&str> = arguments.iter().copied().filter(|argument| *argument != "--json").collect();
        assert_eq!(Run::new(service, directory.path(), &without).ended().await.output, "");
    }
}

#[tokio::test]
async fn a_secret_is_random_and_good_enough_to_start_with() {
    let directory = TempDir::new().expect("a temporary directory");
    let print = async || {
        let ended = Run::new("auth-service", directory.path(), &["secret"]).ended().await;
        assert_eq!((ended.code, ended.output.lines().count()), (Some(0), 1), "{ended:?}");
        ended.output.trim().to_owned()
    };
    let (one, two) = (print().await, print().await);
    assert_ne!(one, two);
    let stack = Stack::any().auth("AUTH_SECRET", &one).start().await;
    let ada = stack.ada().await;
    stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await.tokens();
}

#[tokio::test]
async fn the_health_check_reports_whether_the_service_runs() {
    let mut stack = Stack::any().start().await;
    for _ in 0..2 {
        for service in [&stack.auth, &stack.resource] {
            let ended = service.command(&["healthcheck"]).ended().await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        stack.auth.stop();
        stack.resource.stop();
        for service in [&stack.auth, &stack.resource] {
            let ended = service.command(&["healthcheck"]).ended().await;
            assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
        }
        stack.auth.start().await;
        stack.resource.start().await;
    }
}

#[tokio::test]
async fn the_version_and_the_help_are_shown() {
    let directory = TempDir::new().expect("a temporary directory");
    for service in ["auth-service", "resource-service"] {
        for flag in ["--version", "--help"] {
            let ended = Run::new(service, directory.path(), &[flag]).ended().await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert!(ended.output.contains(service), "{}", ended.output);
        }
    }
}
