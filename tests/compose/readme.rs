//! The commands of README, as written there.

use crate::pages;
use harness::containers::Shipped;
use std::{path::Path, process::Command};

/// The commands of a section of README, with the ports of a project.
fn commands(section: &str, shipped: &Shipped) -> String {
    let port = |service: &harness::Http| format!("localhost:{}", service.port());
    let commands = pages::blocks("README.md", section).join("\n");
    commands.replace("localhost:8080", &port(&shipped.auth)).replace("localhost:8081", &port(&shipped.resource))
}

#[test]
fn the_story_in_curl_works_right_after_up() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    shipped.wait_until_healthy("resource-service");
    let story = commands("The story, in curl", &shipped);
    assert!(story.matches("curl ").count() >= 8, "the story is there\n{story}");

    let printed = Command::new("sh").args(["-eu", "-c", &story]).output().expect("a POSIX shell");
    let printed = String::from_utf8_lossy(&printed.stdout).replace('\r', "");
    // In this order.
    let mut rest = printed.as_str();
    for words in [
        r#""email":"ada@example.com""#,
        r#""client_id":"jeton""#,
        r#""books":"#,
        "HTTP/1.1 403",
        r#"error="insufficient_scope""#,
        r#""refresh_token":"#,
        r#""refresh_token":"#,
        "HTTP/1.1 204",
        "HTTP/1.1 401",
        r#""code":"session_ended""#,
    ] {
        let (_, after) =
            rest.split_once(words).unwrap_or_else(|| panic!("{words} is missing or comes too late\n{printed}"));
        rest = after;
    }
    let exchanged: Vec<&str> =
        printed.split(r#""refresh_token":""#).skip(1).filter_map(|t| t.split('"').next()).collect();
    assert_eq!(exchanged.len(), 2, "two refreshes\n{printed}");
    assert_eq!(exchanged[0], exchanged[1], "the same exchange has the same answer");
}

#[test]
fn reading_goes_on_without_auth_service_and_so_does_the_session() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    shipped.wait_until_healthy("resource-service");
    let story = commands("The story, in curl", &shipped);
    let (beginning, _) = story.split_once("tokens=").expect("the story registers before it logs in");
    let script = format!("{beginning}\n{}", commands("Without auth-service", &shipped));
    let printed = shipped.shell(&script, Path::new(env!("CARGO_MANIFEST_DIR"))).replace('\r', "");
    let mut rest = printed.as_str();
    for words in [
        "HTTP/1.1 200",
        r#""books":"#,
        "HTTP/1.1 200",
        r#""books":"#,
        "no answer",
        "HTTP/1.1 200",
        r#""refresh_token":"#,
    ] {
        let (_, after) =
            rest.split_once(words).unwrap_or_else(|| panic!("{words} is missing or comes too late\n{printed}"));
        rest = after;
    }
}

#[test]
fn a_forgotten_password_is_replaced_as_readme_says() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    let story = commands("The story, in curl", &shipped);
    let (beginning, _) = story.split_once("tokens=").expect("the story registers before it logs in");
    let script = format!("{beginning}\n{}", commands("A forgotten password", &shipped));
    let printed = shipped.shell(&script, Path::new(env!("CARGO_MANIFEST_DIR"))).replace('\r', "");
    let mut rest = printed.as_str();
    for words in [
        "To:      ada@example.com",
        "Subject: Your code for a new password",
        r#""access_token":"#,
        "HTTP/1.1 401",
        r#""code":"invalid_credentials""#,
    ] {
        let (_, after) =
            rest.split_once(words).unwrap_or_else(|| panic!("{words} is missing or comes too late\n{printed}"));
        rest = after;
    }
}

#[test]
fn the_first_admin_is_created_as_readme_says() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    let section = commands("The first admin", &shipped);
    let line = section.lines().find_map(|line| line.strip_prefix("docker-compose ")).expect("README says it");
    let mut words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..2], ["exec", "auth-service"], "{line}");
    // A person would be asked on a terminal, which a test does not have.
    words.insert(1, "-T");
    let password = "a lighthouse above the fog";
    let made = shipped.compose_with_input(&words, &format!("{password}\n"));
    assert!(made.contains("root@example.com"), "{made}");
}
