//! The roles file: what it adds, what is wrong with it, and what becomes of a role that it no longer has.

use harness::{Stack, assert_problem, command::Run, eventually};
use serde_json::json;
use std::{fs, time::Duration};
use tempfile::TempDir;

#[tokio::test]
async fn the_documented_roles_file_adds_to_the_built_in_roles() {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("roles.toml");
    fs::write(&file, include_str!("../../docs/roles.example.toml")).expect("our own directory");
    stack.auth.set("AUTH_ROLES_FILE", &file.to_string_lossy());
    stack.auth.set("AUTH_DEFAULT_ROLE", "guest");
    stack.auth.start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    assert_eq!((&ada.tokens.claims()["roles"], &ada.tokens.claims()["scope"]), (&json!(["guest"]), &json!("")));
    let change = json!({ "roles": ["reader", "billing", "helpdesk", "beta"] });
    stack.auth.change_user(&admin.tokens, &ada.id, &change).await.expect(200);
    ada.refresh().await;
    assert_eq!(ada.tokens.claims()["scope"], "books:read invoices:read invoices:write users:read users:write");
    let metadata = stack.auth.get("/.well-known/oauth-authorization-server").send().await.expect(200);
    assert!(metadata["scopes_supported"].as_array().is_some_and(|scopes| scopes.contains(&json!("invoices:write"))));
}

#[tokio::test]
async fn every_mistake_in_and_around_the_roles_file_is_reported_at_once() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("roles.toml");
    fs::write(&file, "reader = 7\n\"a b\" = []\nx = [\"y\", \"y\", \"\"]\n").expect("our own directory");
    let start = |settings: Vec<(&'static str, String)>| {
        let run = Run::new("auth-service", directory.path(), &[]).env("AUTH_LISTEN", "127.0.0.1:0");
        settings.iter().fold(run, |run, (name, value)| run.env(name, value)).ended()
    };
    let path = file.to_string_lossy().into_owned();
    let ended = start(vec![("AUTH_ROLES_FILE", path.clone()), ("AUTH_REGISTRATION", "ajar".to_owned())]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in [
        "AUTH_REGISTRATION: must be open, invite, closed, or domains:",
        "line 1: role \"reader\": must be a list",
        "line 2: role \"a b\"",
        "line 3: role \"x\": names the scope \"y\" twice",
        "line 3: role \"x\": the scope \"\"",
    ] {
        assert!(ended.errors.contains(words), "{words:?} is missing: {}", ended.errors);
    }
    fs::write(&file, "member = []\n").expect("our own directory");
    let only_the_file = [("AUTH_ROLES_FILE", path), ("AUTH_BUILT_IN_ROLES", "off".to_owned())];
    let ended = start(only_the_file.to_vec()).await;
    for words in ["the role admin is missing", "AUTH_DEFAULT_ROLE: there is no role \"reader\"; there are member"] {
        assert!(ended.errors.contains(words), "{words:?} is missing: {}", ended.errors);
    }
    let ended = start(vec![("AUTH_DEFAULT_ROLE", "admin".to_owned())]).await;
    assert!(ended.errors.contains("strangers would see or change the users"), "{}", ended.errors);
    let ended = start(vec![("AUTH_BUILT_IN_ROLES", "off".to_owned())]).await;
    assert!(ended.errors.contains("AUTH_BUILT_IN_ROLES: is off"), "{}", ended.errors);
}

/// A role of four scopes with long names.
fn large_role(number: usize) -> String {
    let scopes: Vec<String> =
        (0..4).map(|scope| format!("\"{:x<58}\"", format!("service-{number:02}:{scope}:"))).collect();
    format!("role-{number:02} = [{}]\n", scopes.join(", "))
}

#[tokio::test]
async fn the_largest_token_that_the_roles_allow_is_accepted_everywhere() {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("roles.toml");
    fs::write(&file, (0..16).map(large_role).collect::<String>()).expect("our own directory");
    stack.auth.set("AUTH_ROLES_FILE", &file.to_string_lossy());
    stack.auth.start().await;
    stack.resource.start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let roles: Vec<String> = (0..16).map(|number| format!("role-{number:02}")).collect();
    let change = json!({ "roles": roles, "custom": { "x": "x".repeat(1016) } });
    stack.auth.change_user(&admin.tokens, &ada.id, &change).await.expect(200);
    ada.refresh().await;
    let length = ada.tokens.access.len();
    assert!((7000..=8192).contains(&length), "{length}");
    stack.resource.whoami(&ada.tokens).await.expect(200);
    assert_eq!(stack.auth.me(&ada.tokens).await["custom"], change["custom"]);

    fs::write(&file, (0..20).map(large_role).collect::<String>()).expect("our own directory");
    for arguments in [&[][..], &["doctor"], &["user", "list"]] {
        let ended = stack.auth.command(arguments).ended().await;
        let said = format!("{}{}", ended.output, ended.errors);
        assert!(said.contains("verifiers take at most 8192"), "{arguments:?}: {said}");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_removed_role_grants_nothing_and_is_reported_at_the_start() {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("roles.toml");
    fs::write(&file, "curator = [\"books:write\"]\n").expect("our own directory");
    stack.auth.set("AUTH_ROLES_FILE", &file.to_string_lossy());
    stack.auth.start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let change = json!({ "roles": ["curator", "reader"] });
    stack.auth.change_user(&admin.tokens, &ada.id, &change).await.expect(200);
    ada.refresh().await;
    assert_eq!(ada.tokens.claims()["scope"], "books:read books:write");

    fs::write(&file, "").expect("our own directory");
    stack.auth.restart().await;
    ada.refresh().await;
    assert_eq!(
        (&ada.tokens.claims()["roles"], &ada.tokens.claims()["scope"]),
        (&json!(["reader"]), &json!("books:read"))
    );
    assert_eq!(stack.auth.me(&ada.tokens).await["roles"], json!(["curator", "reader"]), "it may come back");
    let again = stack.auth.change_user(&admin.tokens, &ada.id, &change).await;
    assert_problem(&again, 422, "unknown_role");
    let reported = async || stack.auth.log().contains("curator").then_some(());
    eventually("the role is named in the log", Duration::from_secs(20), reported).await;
}
