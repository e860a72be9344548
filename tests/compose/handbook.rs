//! What `docs/operate.md` says of docker-compose, done as it is written there.

use crate::pages::commands;
use harness::{Person, Transport, assert_problem, containers::Shipped};
use tempfile::TempDir;

const PAGE: &str = "docs/operate.md";
const SECTION: &str = "With docker-compose";

/// The commands between two that are known: the backup, and what restores it.
fn backup_and_restore() -> (String, String) {
    let commands = commands(PAGE, SECTION);
    let at = commands.find("docker-compose stop").expect("the restore begins with a stop");
    let (backup, restore) = commands.split_at(at);
    assert!(backup.contains("pg_dump") && restore.contains("pg_restore"), "{commands}");
    (backup.to_owned(), restore.to_owned())
}

#[tokio::test]
async fn a_backup_is_restored_on_another_machine_and_only_a_new_login_is_good() {
    let (backup, restore) = backup_and_restore();
    let files = TempDir::new().expect("a temporary directory");
    let before = Shipped::new();
    before.compose(&["up", "--detach", "--no-build"]);
    before.wait_until_healthy("auth-service");
    let ada = Person::new(&before.auth, "ada", Transport::Body).await;
    let keys = before.auth.key_set().await.expect(200).json;
    before.shell(&backup, files.path());
    let late = Person::new(&before.auth, "late", Transport::Body).await;
    before.compose(&["down", "--volumes"]);

    // The same address, as the same domain would be.
    let after = before.elsewhere();
    after.shell(&restore, files.path());
    after.wait_until_healthy("auth-service");
    after.wait_until_healthy("resource-service");
    assert_eq!(after.auth.key_set().await.expect(200).json, keys, "the restored secret opens the restored keys");
    assert_problem(&after.auth.refresh(&ada.tokens).await, 401, "session_ended");
    let again = Person::registered(&after.auth, &ada.email, &ada.password).await;
    after.resource.whoami(&again.tokens).await.expect(200);
    let unknown = after.auth.login(&late.email, &late.password, Transport::Body).await;
    assert_problem(&unknown, 401, "invalid_credentials");
}
