//! What creates an installation, and which faults stop a start because waiting would not cure them.

use harness::{
    Stack, Storage,
    command::{Ended, Run},
    eventually,
    person::{Person, fresh_email, fresh_password},
    postgres::{self, Postgres},
    sockets::{fresh_listener, port_of},
    storage::random_secret,
};
use sqlx::Connection as _;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Every command that needs an installation.
const COMMANDS: &[&str] = &[
    "user create --email root@example.com --role admin --password-stdin",
    "user list",
    "user list --json",
    "user show ada@example.com",
    "user set-password ada@example.com",
    "user set-roles ada@example.com admin",
    "user disable ada@example.com",
    "user enable ada@example.com",
    "user delete ada@example.com --yes",
    "sessions list ada@example.com",
    "sessions end ada@example.com",
    "sessions end-all",
    "keys list",
    "keys list --json",
    "keys rotate",
    "keys retire x",
    "keys revoke x",
];

/// A start that waits is not over within this time.
const AT_ONCE: Duration = Duration::from_secs(15);

fn run(directory: &Path, command: &str) -> Run {
    let words: Vec<&str> = command.split(' ').collect();
    Run::new("auth-service", directory, &words).input("correct horse battery staple\n")
}

fn assert_refused(ended: &Ended, words: &str) {
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(ended.errors.contains(words) && !ended.errors.contains("panicked"), "{ended:?}");
}

fn assert_empty(directory: &Path, command: &str) {
    let made: Vec<_> = fs::read_dir(directory).expect("it is there").flatten().map(|entry| entry.path()).collect();
    assert!(made.is_empty(), "{command} has made {made:?}");
}

#[tokio::test]
async fn no_command_creates_an_installation_as_a_side_effect() {
    let directory = TempDir::new().expect("a temporary directory");
    for command in COMMANDS {
        let ended = run(directory.path(), command).ended().await;
        assert_refused(&ended, "there is no installation here");
        assert!(ended.errors.contains("AUTH_DATABASE_URL") && ended.errors.contains("auth-service init"), "{ended:?}");
        assert_empty(directory.path(), command);
        let with_secret = run(directory.path(), command).env("AUTH_SECRET", &random_secret()).ended().await;
        assert_refused(&with_secret, "there is no such file");
        assert_empty(directory.path(), command);
    }
    for command in ["healthcheck", "secret", "doctor"] {
        run(directory.path(), command).env("AUTH_ADMIN_LISTEN", "127.0.0.1:1").ended().await;
        assert_empty(directory.path(), command);
    }
}

#[tokio::test]
async fn with_json_a_refusal_is_a_document() {
    let directory = TempDir::new().expect("a temporary directory");
    let ended = run(directory.path(), "keys list --json").env("AUTH_SECRET", &random_secret()).ended().await;
    let document: serde_json::Value = serde_json::from_str(&ended.output).expect("JSON");
    assert!(document["error"].as_str().is_some_and(|reason| reason.contains("no installation")), "{document}");
}

#[tokio::test]
async fn no_command_touches_an_empty_or_foreign_database() {
    let foreign = postgres::fresh_database();
    Postgres::execute(&foreign, "CREATE TABLE users (id INT); CREATE TABLE sessions (id INT)");
    let directory = TempDir::new().expect("a temporary directory");
    for (database, words) in [(postgres::fresh_database(), "the database is empty"), (foreign, "another application")] {
        let before = Postgres::dump(&database);
        for command in COMMANDS {
            let run = run(directory.path(), command).env("AUTH_DATABASE_URL", &database);
            assert_refused(&run.env("AUTH_SECRET", &random_secret()).ended().await, words);
        }
        assert_eq!(Postgres::dump(&database).lines().count(), before.lines().count());
    }
}

#[tokio::test]
async fn the_service_does_not_move_into_another_applications_database() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("other.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.expect("our own directory");
    sqlx::raw_sql("CREATE TABLE books (id INT)").execute(&mut other).await.expect("an empty file");
    other.close().await.expect("our own connection");
    let foreign = postgres::fresh_database();
    Postgres::execute(&foreign, "CREATE TABLE users (id INT)");
    for database in [format!("sqlite://{}", file.display()), foreign] {
        for command in ["init", ""] {
            let words: &[&str] = if command.is_empty() { &[] } else { &[command] };
            let run = Run::new("auth-service", directory.path(), words).env("AUTH_DATABASE_URL", &database);
            assert_refused(&run.env("AUTH_SECRET", &random_secret()).ended().await, "tables of another application");
        }
    }
}

#[tokio::test]
async fn files_that_are_not_databases_are_left_alone() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("auth.db");
    let url = format!("sqlite://{}", file.display());
    for (content, words) in
        [("", "the database is empty"), ("this is not a database, whatever its name says", "SQLite")]
    {
        fs::write(&file, content).expect("our own directory");
        for command in ["user list", "sessions end-all"] {
            let run =
                run(directory.path(), command).env("AUTH_DATABASE_URL", &url).env("AUTH_SECRET", &random_secret());
            assert_refused(&run.ended().await, words);
            assert_eq!(fs::read_to_string(&file).expect("it is there"), content);
        }
    }
}

#[tokio::test]
async fn an_installation_can_be_created_before_the_first_start() {
    for storage in [Storage::Embedded, Storage::RedisAndPostgres] {
        let mut stack = Stack::on(storage).prepare();
        let init = stack.auth.command(&["init"]).ended().await;
        assert_eq!(init.code, Some(0), "{init:?}");
        assert_eq!(stack.auth.command(&["init", "--json"]).ended().await.code, Some(0), "it may be repeated");
        let (email, password) = (fresh_email("root"), fresh_password());
        let create = ["user", "create", "--email", &email, "--role", "admin", "--password-stdin"];
        let created = stack.auth.command(&create).input(&password).ended().await;
        assert_eq!(created.code, Some(0), "{created:?}");
        stack.auth.start().await;
        let admin = Person::registered(&stack.auth, &email, &password).await;
        stack.auth.users(&admin.tokens, "").await.expect(200);
    }
}

/// A restored backup of an earlier version: commands that only read leave it as it is, all others migrate it first.
#[tokio::test]
async fn commands_that_change_something_migrate_the_tables_of_an_earlier_version() {
    let mut stack = Stack::on(Storage::Embedded).start().await;
    stack.auth.stop();
    let file = format!("sqlite://{}", stack.data().join("auth.db").display());
    let mut database = sqlx::SqliteConnection::connect(&file).await.expect("the file is there");
    let earlier = "DROP TRIGGER audit_is_append_only; DELETE FROM _sqlx_migrations WHERE version = 5";
    sqlx::raw_sql(earlier).execute(&mut database).await.expect("as an earlier version left it");
    for command in ["user list", "keys list"] {
        let words: Vec<&str> = command.split(' ').collect();
        assert_refused(&stack.auth.command(&words).ended().await, "of an earlier version");
    }
    let ended = stack.auth.command(&["sessions", "end-all"]).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(stack.auth.command(&["keys", "list"]).ended().await.code, Some(0));
}

/// How a start with this database ends.
async fn start(database: &str) -> (Ended, Duration) {
    let directory = TempDir::new().expect("a temporary directory");
    let begun = Instant::now();
    let run = Run::new("auth-service", directory.path(), &[]).env("AUTH_DATABASE_URL", database);
    let ended = run.env("AUTH_SECRET", &random_secret()).env("AUTH_LISTEN", "127.0.0.1:0").ended().await;
    (ended, begun.elapsed())
}

/// Asserts that the start ends without waiting, and says where and why, without the password.
async fn stops_at_once(database: &str, words: &[&str]) {
    let (ended, took) = start(database).await;
    for words in words.iter().chain(&["AUTH_DATABASE_URL"]) {
        assert_refused(&ended, words);
    }
    assert!(!ended.errors.contains("hunter2") && !ended.output.contains("hunter2"), "{ended:?}");
    assert!(!ended.errors.contains("waiting for the database"), "{ended:?}");
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn faults_that_waiting_does_not_cure_stop_the_start_with_a_reason() {
    let server = Postgres::start();
    server.order("CREATE ROLE jeton LOGIN PASSWORD 'right'");
    server.order("CREATE DATABASE jeton");
    server.ask_for_passwords();
    let (place, port) = (format!("127.0.0.1:{}", server.port()), server.port());
    let wrong = [
        (format!("postgres://jeton:hunter2@{place}/jeton"), "password authentication failed"),
        (format!("postgres://nobody:hunter2@{place}/jeton"), "password authentication failed"),
        (format!("postgres://jeton:right@{place}/elsewhere"), "createdb --encoding=UTF8"),
        (format!("postgres://jeton:right@{place}/jeton"), "GRANT USAGE, CREATE ON SCHEMA public TO jeton"),
        (format!("postgres://postgres@{place}/jeton?sslmode=require"), "does not support TLS"),
    ];
    for (database, words) in &wrong {
        stops_at_once(database, &[words, "PostgreSQL"]).await;
    }
    let directory = TempDir::new().expect("a temporary directory");
    let doctor = Run::new("auth-service", directory.path(), &["doctor"]).env("AUTH_DATABASE_URL", &wrong[0].0);
    let doctor = doctor.env("AUTH_SECRET", &random_secret()).ended().await;
    assert!(doctor.output.contains("give the user and password that the server knows"), "{doctor:?}");
    assert!(!doctor.output.contains("start the database") && !doctor.output.contains("hunter2"), "{doctor:?}");
    let (ended, _) = start(&format!("postgres://postgres@{place}/jeton?sslmode=nonsense")).await;
    assert!(ended.code == Some(2) && ended.errors.contains("the value of sslmode cannot be used: write"), "{ended:?}");
    let as_typed = ["hunter2@x", "hunter2#x", "1/hunter2", "1?hunter2", "hunter2%zz", "1#hunter2"];
    for password in as_typed {
        let database = format!("postgres://jeton:{password}@127.0.0.1:{port}/jeton");
        stops_at_once(&database, &["write @ as %40"]).await;
    }
}

#[tokio::test]
async fn a_database_whose_encoding_cannot_hold_every_name_is_refused() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("narrow_{}", uuid::Uuid::new_v4().simple());
        let server = postgres::fresh_database();
        Postgres::execute(
            &server,
            &format!("CREATE DATABASE {name} ENCODING {encoding} TEMPLATE template0 LOCALE 'C'"),
        );
        let database = format!("{}/{name}", server.rsplit_once('/').expect("a URL").0);
        stops_at_once(&database, &[encoding, "createdb --encoding=UTF8"]).await;
        let directory = TempDir::new().expect("a temporary directory");
        let doctor = Run::new("auth-service", directory.path(), &["doctor"]).env("AUTH_DATABASE_URL", &database);
        let doctor =
            doctor.env("AUTH_SECRET", &random_secret()).env("AUTH_PUBLIC_URL", "http://127.0.0.1:1").ended().await;
        assert!(doctor.output.lines().any(|line| line.starts_with("error") && line.contains(encoding)), "{doctor:?}");
    }
}

#[tokio::test]
async fn the_start_waits_for_an_unreachable_database_and_names_it() {
    let mut server = Postgres::start();
    let database = server.fresh_database();
    let mut stack = Stack::on(Storage::RedisAndSqlite).auth("AUTH_DATABASE_URL", &database).prepare();
    server.kill();
    stack.auth.spawn();
    let waits = format!("waiting for the database: PostgreSQL at 127.0.0.1:{}", server.port());
    eventually("it waits", AT_ONCE, async || stack.auth.log().contains(&waits).then_some(())).await;
    server.restart();
    stack.auth.ready(Duration::from_secs(30)).await;
    let nobody = port_of(&fresh_listener());
    let directory = TempDir::new().expect("a temporary directory");
    let run = run(directory.path(), "user list")
        .env("AUTH_DATABASE_URL", &format!("postgres://jeton:hunter2@127.0.0.1:{nobody}/jeton"));
    let ended = run.env("AUTH_SECRET", &random_secret()).ended().await;
    assert_refused(&ended, &format!("PostgreSQL at 127.0.0.1:{nobody}"));
    assert!(!ended.errors.contains("hunter2"), "{ended:?}");
}
