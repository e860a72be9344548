//! The commands of `docs/compose.md`, run as they are written there.

use crate::pages::blocks;
use harness::{Person, Transport, assert_problem, containers::Shipped};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

/// The commands to make a backup, to restore it, and to replace the root secret.
fn handbook() -> [String; 3] {
    let sections = ["Backup and restore", "Replacing the root secret"];
    let blocks: Vec<String> = sections.iter().flat_map(|section| blocks("docs/compose.md", section)).collect();
    let handbook: [String; 3] = blocks.try_into().expect("three blocks of commands");
    for (block, words) in handbook.iter().zip(["pg_dump", "pg_restore", "AUTH_SECRET_PREVIOUS_FILE"]) {
        assert!(block.contains(words), "{block}");
    }
    handbook
}

/// The commands, with the backup in a directory of the test.
fn with_backup(commands: &str, directory: &Path) -> String {
    format!("BACKUP={}\n{commands}", directory.display())
}

async fn started() -> Shipped {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    shipped
}

#[tokio::test]
async fn after_a_backup_is_restored_on_another_machine_users_must_log_in_again() {
    let [backup, restore, _] = handbook();
    let directory = TempDir::new().expect("a temporary directory");
    let before = started().await;
    let ada = Person::new(&before.auth, "ada", Transport::Body).await;
    let keys = before.auth.key_set().await.expect(200).json;
    before.shell(&with_backup(&backup, directory.path()), directory.path());
    for file in ["jeton.dump", "jeton.secret"] {
        let file = fs::metadata(directory.path().join(file)).expect("the backup is there");
        assert_eq!((file.permissions().mode() & 0o777, file.len() > 0), (0o600, true));
    }
    let late = Person::new(&before.auth, "late", Transport::Body).await;
    before.compose(&["down", "--volumes"]);

    // At the same address, as the same domain would be.
    let after = before.elsewhere();
    after.shell(&with_backup(&restore, directory.path()), directory.path());
    after.wait_until_healthy("auth-service");
    after.wait_until_healthy("resource-service");
    assert_eq!(after.auth.key_set().await.expect(200).json, keys, "the restored secret opens the restored keys");
    assert_problem(&after.auth.refresh(&ada.tokens).await, 401, "session_ended");
    let again = Person::registered(&after.auth, &ada.email, &ada.password).await;
    after.resource.whoami(&again.tokens).await.expect(200);
    let unknown = after.auth.login(&late.email, &late.password, Transport::Body).await;
    assert_problem(&unknown, 401, "invalid_credentials");
}

#[tokio::test]
async fn the_root_secret_is_replaced_and_nobody_is_logged_out() {
    let [_, _, replace] = handbook();
    let directory = TempDir::new().expect("a temporary directory");
    let shipped = started().await;
    let ada = Person::new(&shipped.auth, "ada", Transport::Body).await;
    let secret = || shipped.compose(&["run", "--rm", "-T", "secrets", "cat /secrets/auth/secret"]);
    let before = secret();
    shipped.shell(&replace, directory.path());
    shipped.wait_until_healthy("auth-service");
    assert_ne!(secret(), before);
    let refreshed = shipped.auth.refresh(&ada.tokens).await.tokens();
    shipped.auth.me(&refreshed).await.expect(200);
    Person::registered(&shipped.auth, &ada.email, &ada.password).await;
}
