//! Files: which ones the services read, and who may read those that they create.

use harness::{Stack, command::Run};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};
use tempfile::TempDir;

#[tokio::test]
async fn files_the_services_create_are_for_their_own_user_only() {
    let stack = Stack::any().start().await;
    let ada = stack.admin().await;
    stack.resource.add_book(&ada.tokens, "Private").await.expect(201);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let data = stack.directory().join("data");
    assert_eq!(mode(&data), 0o700);
    let mut seen = Vec::new();
    for file in fs::read_dir(&data).expect("our own directory") {
        let path = file.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen.push(path.file_name().expect("a name").to_string_lossy().into_owned());
    }
    for name in ["auth.db", "auth.db-wal", "books.db", "books.db-wal", "books.db-shm", "secret", "jwks.json"] {
        assert!(seen.iter().any(|seen| seen == name), "{name} is not among {seen:?}");
    }
}

#[tokio::test]
async fn only_small_regular_files_of_text_are_read_and_the_setting_is_named() {
    let directory = TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().expect("mkfifo runs").success());
    fs::write(path("latin"), b"fran\xE7ais").expect("our own directory");
    fs::write(path("large"), vec![b'x'; 300 * 1024]).expect("our own directory");
    let odd = [
        (path("pipe"), "a pipe"),
        (path("latin"), "not UTF-8"),
        (path("large"), "larger than"),
        (path("."), "a directory"),
        ("/dev/zero".to_owned(), "a device"),
    ];
    for setting in ["AUTH_SECRET_FILE", "AUTH_ADMIN_PASSWORD_FILE", "AUTH_DATABASE_URL_FILE", "AUTH_ROLES_FILE"] {
        for (file, reason) in &odd {
            let ended = Run::new("auth-service", directory.path(), &[]).env(setting, file).ended().await;
            assert_eq!(ended.code, Some(2), "{setting}={file}: {ended:?}");
            assert!(ended.errors.contains(setting) && ended.errors.contains(reason), "{setting}={file}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_not_part_of_a_password() {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("password");
    let password = stack.auth.settings()["AUTH_ADMIN_PASSWORD"].clone();
    fs::write(&file, format!("\u{FEFF}{password}\r\n")).expect("our own directory");
    stack.auth.unset("AUTH_ADMIN_PASSWORD");
    stack.auth.set("AUTH_ADMIN_PASSWORD_FILE", &file.to_string_lossy());
    stack.auth.start().await;
    stack.admin().await;
    assert!(stack.auth.log().contains("chmod"), "everybody may read it: {}", stack.auth.log());
}
