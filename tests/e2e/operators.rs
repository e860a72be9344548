//! What operators do with users and sessions on the command line.

use harness::{
    Stack, Storage, Transport, assert_problem,
    command::Ended,
    eventually,
    person::{Person, fresh_password},
    postgres::Postgres,
    service::Service,
};
use serde_json::{Value, json};
use std::{fs::File, io, time::Duration};

on_every_storage! {
    a_user_is_listed_shown_and_changed,
    setting_a_password_ends_the_sessions_and_allows_logins_with_it,
    sessions_are_listed_and_ended,
    a_deleted_user_is_gone,
    unlocking_a_user_allows_logins_after_too_many_failures,
}

async fn command(service: &Service, words: &[&str]) -> Ended {
    service.command(words).ended().await
}

/// The one document that a command prints.
async fn json_of(service: &Service, words: &[&str]) -> Value {
    let ended = service.command(words).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.output).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn ids(list: &Value) -> Vec<&str> {
    list["users"].as_array().expect("a list").iter().filter_map(|user| user["id"].as_str()).collect()
}

async fn a_user_is_listed_shown_and_changed(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (mut ada, bob, admin) = (stack.ada().await, stack.bob().await, stack.admin().await);
    let auth = &stack.auth;
    assert_eq!(ids(&json_of(auth, &["user", "list", "--json"]).await), [&admin.id, &ada.id, &bob.id]);
    assert_eq!(ids(&json_of(auth, &["user", "list", "--role", "admin", "--json"]).await), [&admin.id]);
    assert_eq!(
        ids(&json_of(auth, &["user", "list", "--search", &bob.email.to_uppercase(), "--json"]).await),
        [&bob.id]
    );
    assert!(command(auth, &["user", "list"]).await.output.contains(&ada.email));
    for name in [&ada.email, &ada.id] {
        let shown = json_of(auth, &["user", "show", name, "--json"]).await;
        assert_eq!((&shown["id"], &shown["roles"]), (&json!(ada.id), &json!(["reader"])), "{shown}");
        assert!(command(auth, &["user", "show", name]).await.output.contains(&ada.email));
    }
    let changed = json_of(auth, &["user", "set-roles", &ada.email, "author,reader", "--json"]).await;
    assert_eq!(changed["roles"], json!(["author", "reader"]));
    ada.refresh().await;
    stack.resource.add_book(&ada.tokens, "x").await.expect(201);

    assert_eq!(command(auth, &["user", "disable", &ada.id]).await.code, Some(0));
    assert_problem(&auth.refresh(&ada.tokens).await, 401, "session_ended");
    assert_problem(&auth.login(&ada.email, &ada.password, Transport::Body).await, 403, "account_disabled");
    assert_eq!(ids(&json_of(auth, &["user", "list", "--disabled", "--json"]).await), [&ada.id]);
    assert_eq!(command(auth, &["user", "enable", &ada.id]).await.code, Some(0));
    auth.login(&ada.email, &ada.password, Transport::Body).await.tokens();

    let events = auth.get(&format!("/admin/users/{}/audit?action=user_change", ada.id)).bearer(&admin.tokens.access);
    let events = events.send().await.expect(200);
    let events = events["events"].as_array().expect("a list");
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(
        events.iter().all(|event| event["actor"].is_null() && event["details"]["by"] == "command line"),
        "{events:?}"
    );
}

async fn setting_a_password_ends_the_sessions_and_allows_logins_with_it(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let (from_input, from_file) = (fresh_password(), fresh_password());
    let set = stack.auth.command(&["user", "set-password", &ada.email]).input(&format!("{from_input}\n")).ended().await;
    assert_eq!(set.code, Some(0), "{set:?}");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    let before = stack.auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&before, 401, "invalid_credentials");
    let again = Person::registered(&stack.auth, &ada.email, &from_input).await;

    let path = stack.directory().join("password");
    std::fs::write(&path, format!("{from_file}\n")).expect("our own directory");
    let words = ["user", "set-password", &ada.id, "--json", "--password-file", &path.to_string_lossy()];
    let printed = json_of(&stack.auth, &words).await;
    assert!(!printed.to_string().contains(&from_file));
    assert_problem(&stack.auth.refresh(&again.tokens).await, 401, "session_ended");
    Person::registered(&stack.auth, &ada.email, &from_file).await;
    let weak = stack.auth.command(&["user", "set-password", &ada.email]).input("password\n").ended().await;
    assert!(weak.code == Some(1) && !weak.errors.contains("panicked"), "{weak:?}");
}

async fn sessions_are_listed_and_ended(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    let sessions = json_of(&stack.auth, &["sessions", "list", &ada.email, "--json"]).await;
    let sessions = sessions["sessions"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let last = sessions[0]["id"].as_str().expect("an id");
    assert!(command(&stack.auth, &["sessions", "list", &ada.id]).await.output.contains(last));
    assert_eq!(command(&stack.auth, &["sessions", "end", &ada.email, last]).await.code, Some(0));
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    stack.auth.refresh(&ada.tokens).await.tokens();
    assert_eq!(command(&stack.auth, &["sessions", "end", &ada.email]).await.code, Some(0));
    let over = json_of(&stack.auth, &["sessions", "list", &ada.email, "--json"]).await;
    assert_eq!(over["sessions"], json!([]));
}

async fn a_deleted_user_is_gone(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let unconfirmed = command(&stack.auth, &["user", "delete", &ada.email]).await;
    assert!(unconfirmed.code == Some(1) && unconfirmed.errors.contains("--yes"), "{unconfirmed:?}");
    stack.auth.me(&ada.tokens).await.expect(200);
    assert_eq!(command(&stack.auth, &["user", "delete", &ada.email, "--yes"]).await.code, Some(0));
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    let gone = command(&stack.auth, &["user", "show", &ada.email]).await;
    assert!(gone.code == Some(1) && gone.errors.contains("there is no user"), "{gone:?}");
}

async fn unlocking_a_user_allows_logins_after_too_many_failures(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    for _ in 0..11 {
        stack.auth.login(&ada.email, "not the password", Transport::Body).await;
    }
    assert_problem(&stack.auth.login(&ada.email, &ada.password, Transport::Body).await, 429, "too_many_attempts");
    assert_eq!(command(&stack.auth, &["user", "unlock", &ada.email]).await.code, Some(0));
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.tokens();
}

#[tokio::test]
async fn the_last_enabled_admin_stays_whoever_asks() {
    let stack = Stack::any().start().await;
    let admin = stack.admin().await;
    for words in [vec!["disable"], vec!["delete", "--yes"], vec!["set-roles", "reader"]] {
        let (first, rest) = words.split_first().expect("a command");
        let words: Vec<&str> = ["user", first, &admin.id].into_iter().chain(rest.iter().copied()).collect();
        let ended = command(&stack.auth, &words).await;
        assert!(ended.code == Some(1) && ended.errors.contains("the last enabled"), "{words:?}: {ended:?}");
    }
    stack.auth.users(&admin.tokens, "").await.expect(200);
}

#[tokio::test]
async fn a_user_with_an_unreadable_row_can_be_given_a_password_and_deleted_by_id() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let (admin, ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    Postgres::execute(&database, &format!("UPDATE users SET name = '', roles = 'admin' WHERE id = '{}'", ada.id));
    let auth = &stack.auth;
    let users = auth.users(&admin.tokens, "").await.expect(200);
    assert_eq!(ids(&json!({ "users": users["users"] })), [&admin.id, &bob.id]);
    assert_eq!(ids(&json_of(auth, &["user", "list", "--json"]).await), [&admin.id, &bob.id]);
    assert_problem(&auth.login(&ada.email, &ada.password, Transport::Body).await, 401, "invalid_credentials");
    assert_problem(&auth.register(&ada.email, &fresh_password()).await, 409, "email_taken");
    eventually("the log reports it", Duration::from_secs(10), async || {
        auth.log().contains("this user cannot log in").then_some(())
    })
    .await;
    for name in [&ada.id, &ada.email] {
        let shown = command(auth, &["user", "show", name]).await;
        assert!(shown.code == Some(1) && shown.errors.contains("its column name"), "{shown:?}");
        assert!(shown.errors.contains(&ada.id), "{shown:?}");
    }
    let words = ["user", "set-password", &ada.id, "--json"];
    let set = auth.command(&words).input(&format!("{}\n", fresh_password())).ended().await;
    assert!(set.code == Some(0) && set.output.contains(&ada.id), "{set:?}");
    for (words, code) in [(["user", "disable", &admin.id], 1), (["user", "disable", &bob.id], 0)] {
        assert_eq!(command(auth, &words).await.code, Some(code), "{words:?}");
    }
    assert_eq!(command(auth, &["user", "delete", &ada.id, "--yes"]).await.code, Some(0));
    auth.register(&ada.email, &fresh_password()).await.expect(201);
}

#[tokio::test]
async fn changes_from_the_command_line_are_marked_in_the_audit_log() {
    let stack = Stack::any().start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let password = format!("{}\n", fresh_password());
    let create = ["user", "create", "--email", "new@example.org"];
    assert_eq!(stack.auth.command(&create).input(&password).ended().await.code, Some(0));
    let active = json_of(&stack.auth, &["keys", "list", "--json"]).await["keys"][0]["kid"].clone();
    let active = active.as_str().expect("a key");
    let commands = [
        vec!["user", "unlock", &ada.id],
        vec!["sessions", "end", &ada.id],
        vec!["user", "disable", &ada.id],
        vec!["user", "delete", &ada.id, "--yes"],
        vec!["keys", "rotate"],
        vec!["keys", "retire", active],
        vec!["keys", "revoke", active],
    ];
    for words in &commands {
        let ended = command(&stack.auth, words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    }
    assert_eq!(command(&stack.auth, &["sessions", "end-all"]).await.code, Some(0));
    let admin = Person::registered(&stack.auth, &admin.email, &admin.password).await;
    let path = "/admin/audit?limit=100";
    let events = stack.auth.get(path).bearer(&admin.tokens.access).send().await.expect(200);
    let operators = [
        "user_create",
        "user_unlock",
        "user_sessions_end",
        "user_change",
        "user_delete",
        "key_rotate",
        "key_retire",
        "key_revoke",
        "all_sessions_end",
    ];
    for action in operators {
        let events = events["events"].as_array().expect("a list").iter();
        let by: Vec<&Value> =
            events.filter(|event| event["action"] == action).map(|event| &event["details"]["by"]).collect();
        let expected: &[&str] = if action == "user_create" { &["command line", "settings"] } else { &["command line"] };
        assert_eq!(by, expected, "{action}");
    }
}

#[tokio::test]
async fn keys_and_findings_can_be_printed_as_json() {
    let stack = Stack::any().start().await;
    let doctor = json_of(&stack.auth, &["doctor", "--json"]).await;
    assert_eq!(doctor["findings"][0]["severity"], "ok", "{doctor}");
    let keys = json_of(&stack.auth, &["keys", "list", "--json"]).await;
    assert_eq!(keys["keys"][0]["state"], "active", "{keys}");
    let next = json_of(&stack.auth, &["keys", "rotate", "--json"]).await;
    assert_eq!(next["state"], "pending", "{next}");
    let secret = json_of(&stack.auth, &["secret", "--json"]).await;
    assert!(secret["secret"].is_string());
}

/// `keys list | true`, `--help | head -1`, and a disk that is full.
#[tokio::test]
async fn output_that_nobody_reads_ends_quietly_and_a_full_disk_is_an_error() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let commands = [
        "user list",
        "user list --json",
        "user show USER",
        "sessions list USER",
        "keys list",
        "keys list --json",
        "secret",
    ];
    for command in commands.iter().chain(&["doctor", "--help", "user list --help", "--version"]) {
        let words: Vec<&str> = command.split(' ').map(|word| if word == "USER" { &*ada.email } else { word }).collect();
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let ended = stack.auth.command(&words).ended_with(writer).await;
        assert!(ended.code == Some(0) && ended.errors.is_empty(), "{command}: {ended:?}");
    }
    for command in commands {
        let words: Vec<&str> = command.split(' ').map(|word| if word == "USER" { &*ada.email } else { word }).collect();
        let full = File::options().write(true).open("/dev/full").expect("Linux has one");
        let ended = stack.auth.command(&words).ended_with(full).await;
        assert!(
            ended.code == Some(1) && ended.errors.contains("cannot write to standard output"),
            "{command}: {ended:?}"
        );
    }
}
