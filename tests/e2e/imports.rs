//! Users of other systems and installations come with `users import`, and log in with the passwords that they had.

use harness::{
    Stack, Storage, Transport, assert_problem, binaries, command::Ended, eventually, process::Process, service::Service,
};
use serde_json::{Value, json};
use std::{cell::Cell, fs, path::Path, process::Command, time::Duration};

on_every_storage! {
    users_of_every_system_log_in_with_the_passwords_that_they_had,
    an_import_that_is_repeated_changes_nothing,
    an_update_changes_everything_but_passwords_and_admins,
    verified_addresses_stay_verified_and_follow_the_address,
    an_import_that_was_killed_is_run_again,
    logins_go_on_during_an_import,
}

const PASSWORD: &str = "grumpy-otter-42";

/// A file of the fixtures, where the service can read it too.
fn fixture(stack: &Stack, name: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/imports").join(name);
    let text = fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    written(stack, name, &text)
}

fn written(stack: &Stack, name: &str, text: &str) -> String {
    let path = stack.directory().join(name);
    fs::write(&path, text).expect("our own directory");
    path.to_string_lossy().into_owned()
}

async fn import(service: &Service, words: &[&str]) -> Ended {
    service.command(&[&["users", "import"], words].concat()).ended().await
}

/// What an import reports.
fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.output).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn counts(ended: &Ended) -> [u64; 4] {
    let report = report(ended);
    ["created", "updated", "skipped", "refused"].map(|name| report[name].as_u64().unwrap_or_else(|| panic!("{report}")))
}

/// The name of a system, the file of its users, further options, how many are created, updated, skipped and refused, and
/// who then logs in.
type Exported<'a> = (&'a str, String, &'a [&'a str], [u64; 4], &'a [&'a str]);

async fn users_of_every_system_log_in_with_the_passwords_that_they_had(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let file = |name| fixture(&stack, name);
    let roles = written(&stack, "roles.toml", "writer = [\"author\"]\npilot = []\n");
    let config = file("firebase-hash-config.txt");
    let systems: [Exported<'_>; 7] = [
        (
            "keycloak",
            file("keycloak-realm.json"),
            &["--roles", &roles],
            [5, 0, 0, 2],
            &["keycloak-argon2", "keycloak-sha512", "keycloak-sha256", "keycloak-sha1"],
        ),
        ("supabase", file("supabase.jsonl"), &[], [3, 0, 0, 1], &["supabase-bcrypt", "supabase-firebase"]),
        ("auth0", file("auth0.jsonl"), &[], [2, 0, 0, 0], &["auth0-bcrypt"]),
        ("auth0", file("auth0-import.json"), &[], [1, 0, 0, 1], &[]),
        ("firebase", file("firebase.json"), &["--hash-config", &config], [2, 0, 0, 1], &["firebase-scrypt"]),
        ("better-auth", file("better-auth.jsonl"), &[], [2, 0, 0, 0], &["better-auth"]),
        (
            "csv",
            file("users.csv"),
            &["--roles", &roles],
            [6, 0, 0, 5],
            &["csv-django", "csv-wordpress", "csv-ldap", "csv-aspnet", "csv-crypt"],
        ),
    ];
    for (system, path, more, expected, users) in systems {
        let words = [&["--from", system, &path, "--json"], more].concat();
        let code = Some(i32::from(expected[3] > 0));
        let dry = import(&stack.auth, &words).await;
        assert_eq!((counts(&dry), dry.code, &report(&dry)["applied"]), (expected, code, &json!(false)), "{dry:?}");
        for user in users {
            let early = stack.auth.login(&format!("{user}@example.com"), PASSWORD, Transport::Body).await;
            assert_problem(&early, 401, "invalid_credentials");
        }
        let real = import(&stack.auth, &[&words[..], &["--apply"]].concat()).await;
        assert_eq!((counts(&real), real.code), (expected, code), "{real:?}");
        let password = if system == "firebase" { "user1password" } else { PASSWORD };
        for user in users {
            let email = format!("{user}@example.com");
            let login = stack.auth.login(&email, password, Transport::Body).await;
            assert_eq!(login.status, 200, "{email}: {login}");
            let again = stack.auth.login(&email, password, Transport::Body).await;
            assert_eq!(again.status, 200, "with the new hash: {again}");
            let wrong = stack.auth.login(&email, "grumpy-otter-43", Transport::Body).await;
            assert_problem(&wrong, 401, "invalid_credentials");
        }
    }
    let admin = stack.admin().await;
    let known = stack.auth.users(&admin.tokens, "?q=auth0-bcrypt").await.expect(200);
    let external = json!({ "source": "auth0", "id": "auth0|60425dc43519d90068f82973" });
    assert_eq!(known["users"][0]["external_id"], external, "{known}");
    let known = stack.auth.users(&admin.tokens, "?q=keycloak-sha512").await.expect(200);
    let user = &known["users"][0];
    assert_eq!((&user["id"], &user["roles"]), (&json!("0f4ad8a5-1c5e-4b8e-9d5f-6a1b2c3d4e02"), &json!(["author"])));
    assert_eq!((&user["created_at"], &user["external_id"]), (&json!("2024-01-01T00:00:00Z"), &Value::Null));
    let banned = stack.auth.users(&admin.tokens, "?q=better-auth-banned").await.expect(200);
    assert_eq!(banned["users"][0]["disabled"], json!(true));
}

#[tokio::test]
async fn whoever_is_refused_is_reported_by_place_and_reason_and_without_the_hash() {
    let stack = Stack::any().start_auth().await;
    let (users, report) = (fixture(&stack, "users.csv"), stack.directory().join("refused.jsonl"));
    let ended = import(&stack.auth, &["--from", "csv", &users, "--report", &report.to_string_lossy()]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.output.contains("would be refused  6") && ended.output.contains("--apply"), "{ended:?}");
    let report = fs::read_to_string(&report).expect("a report");
    let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let reported: Vec<(u64, &str)> =
        lines.iter().filter_map(|line| Some((line["entry"].as_u64()?, line["reason"].as_str()?))).collect();
    let expected =
        [(7, "email"), (8, "roles"), (9, "password_hash"), (10, "password_hash"), (11, "created_at"), (12, "it has")];
    assert_eq!(reported.len(), expected.len(), "{reported:?}");
    for ((number, reason), (place, begin)) in reported.iter().zip(expected) {
        assert!(*number == place && reason.starts_with(begin), "{reported:?}");
    }
    for secret in ["X03MO1qnZ", "R9h/cIPz0gi"] {
        assert!(!report.contains(secret) && !ended.errors.contains(secret), "{report}{ended:?}");
    }
}

#[tokio::test]
async fn the_secret_key_in_a_hash_of_supabase_is_in_no_row_no_report_and_no_log() {
    let stack = Stack::on(Storage::Embedded).start_auth().await;
    let text = fs::read_to_string(fixture(&stack, "supabase.jsonl")).expect("a fixture");
    let key = text.split_once("sk=").and_then(|(_, rest)| rest.split('$').next()).expect("a key");
    // Of two users, one is refused for what comes after the key.
    let line = text.lines().last().expect("a line");
    let refused = line.replace("n=14", "n=30").replace("supabase-firebase", "refused").replace("ae4", "ae5");
    let file = written(&stack, "users.jsonl", &format!("{line}\n{refused}\n"));
    let report = stack.directory().join("refused.jsonl").to_string_lossy().into_owned();
    let words = ["--from", "supabase", &file, "--report", &report, "--json", "--apply"];
    let ended = import(&stack.auth, &words).await;
    assert_eq!(counts(&ended), [1, 0, 0, 1], "{ended:?}");
    let begin = &key[..20];
    assert!(!ended.output.contains(begin) && !ended.errors.contains(begin), "{ended:?}");
    let users = exported(&stack.auth).await;
    assert!(users.iter().any(|user| user["password_hash"].to_string().contains("scrypt-firebase")), "{users:?}");
    for file in fs::read_dir(stack.directory()).expect("our own directory").map(|file| file.expect("a file").path()) {
        let is_ours = file.file_name().is_some_and(|name| name == "users.jsonl" || name == "supabase.jsonl");
        if file.is_file() && !is_ours {
            let content = String::from_utf8_lossy(&fs::read(&file).expect("a file")).into_owned();
            assert!(!content.contains(begin), "{}", file.display());
        }
    }
}

async fn an_import_that_is_repeated_changes_nothing(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let users = fixture(&stack, "better-auth.jsonl");
    let words = ["--from", "better-auth", &users, "--json", "--apply"];
    assert_eq!(counts(&import(&stack.auth, &words).await), [2, 0, 0, 0]);
    let exported = exported(&stack.auth).await;
    let again = import(&stack.auth, &words).await;
    assert_eq!((counts(&again), again.code), ([0, 0, 2, 0], Some(0)));
    assert_eq!(self::exported(&stack.auth).await, exported);
    let failing = import(&stack.auth, &[&words[..], &["--on-conflict", "fail"]].concat()).await;
    assert!(failing.code == Some(1) && failing.errors.contains("entry 1: the user"), "{failing:?}");
    // The address of one with the id of another.
    let text = "{\"id\":\"someone\",\"email\":\"better-auth@example.com\"}\n";
    let other = written(&stack, "other.jsonl", text);
    let refused = import(&stack.auth, &["--from", "better-auth", &other, "--json", "--apply"]).await;
    assert_eq!((counts(&refused), refused.code), ([0, 0, 0, 1], Some(1)), "nobody gets another's account");
    assert!(refused.errors.contains("email: the user"), "{refused:?}");

    let admin = stack.admin().await;
    let events =
        stack.auth.get("/admin/audit?action=users_import").bearer(&admin.tokens.access).send().await.expect(200);
    let events = events["events"].as_array().expect("a list");
    let batches = events.iter().filter(|event| event["details"]["batch"] == json!(1)).count();
    assert_eq!((events.len(), batches), (7, 3), "each run, and each batch that was written: {events:?}");
    assert!(events.iter().all(|event| event["details"]["by"] == "command line"));
}

/// Everybody, but for the header, which has the time.
async fn exported(service: &Service) -> Vec<Value> {
    let ended = service.command(&["users", "export", "--with-hashes"]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let lines = ended.output.lines().skip(1);
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn odd_users() -> String {
    let long = "x".repeat(200);
    let names = [Some("O'Neil \"%_\\ 名前 🦀"), None, Some("a"), Some("Zoë\u{301}"), Some(long.as_str())];
    let roles: [&[&str]; 4] = [&["reader"], &[], &["author", "reader"], &["admin"]];
    let custom = [json!({}), json!({ "a": { "b": [1.5, null, "\u{0}\u{7f}ß"] } })];
    let times = ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999Z", "2038-01-19T03:14:08Z"];
    let hashes = [
        "$2b$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY",
        "$pbkdf2-sha512$i=2100$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY",
    ];
    let mut text = "{\"format\":\"jeton-users/1\"}\n".to_owned();
    for number in 0..60_usize {
        let mut user = json!({
            "email": format!("odd{number}+tag_{number}@sub.example.com"),
            "roles": roles[number % 4],
            "custom": custom[number % 2],
            "email_verified": number % 7 < 3,
            "disabled": number.is_multiple_of(3),
            "created_at": times[number % 3],
        });
        if let Some(name) = names[number % 5] {
            user["name"] = json!(name);
        }
        if number.is_multiple_of(4) {
            user["second_email"] = json!(format!("second{number}@example.net"));
            user["language"] = json!(["en", "uk", "ru"][number % 3]);
        }
        match number % 4 {
            0 => user["id"] = json!(format!("7c9e6679-7425-40de-944b-e07fc1f9{number:04x}")),
            1 => user["external_id"] = json!(format!("auth0|'{number}\"ü")),
            2 => (user["external_id"], user["source"]) = (json!(number.to_string()), json!("crm")),
            _ => {}
        }
        if number % 5 != 0 {
            user["password_hash"] = json!(hashes[number % 3]);
        }
        text += &format!("{user}\n");
    }
    text
}

#[tokio::test]
async fn an_export_that_is_imported_gives_the_same_users() {
    let users = odd_users();
    let mut exports = Vec::new();
    for storage in [Storage::Embedded, Storage::RedisAndPostgres, Storage::Embedded] {
        let stack = Stack::on(storage).start_auth().await;
        let before: Vec<Value> = exported(&stack.auth).await;
        let text = exports.last().map_or(users.clone(), |lines: &Vec<Value>| {
            let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
            format!("{{\"format\":\"jeton-users/1\"}}\n{}\n", lines.join("\n"))
        });
        let file = written(&stack, "users.jsonl", &text);
        let ended = import(&stack.auth, &["--from", "jeton", &file, "--json", "--apply", "--batch", "7"]).await;
        assert_eq!((counts(&ended), ended.code), ([60, 0, 0, 0], Some(0)), "{ended:?}");
        let own: Vec<&Value> = before.iter().map(|user| &user["id"]).collect();
        let mut after = exported(&stack.auth).await;
        after.retain(|user| !own.contains(&&user["id"]));
        exports.push(after);
    }
    assert_eq!(exports[0].len(), 60);
    assert_eq!(exports[1], exports[0], "from SQLite to PostgreSQL");
    assert_eq!(exports[2], exports[1], "and back");
    let without = |name: &str| exports[0].iter().filter(|user| user.get(name).is_none()).count();
    assert_eq!((without("password_hash"), without("name")), (12, 12));
    let verified = exports[0].iter().filter(|user| user["email_verified"] == json!(true)).count();
    assert_eq!(verified, 27);
}

#[tokio::test]
async fn an_export_holds_hashes_only_if_it_is_asked_for_and_is_for_its_owner_only() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let plain = stack.auth.command(&["users", "export"]).ended().await;
    assert!(plain.output.contains(&ada.email) && !plain.output.contains("argon2"), "{plain:?}");
    let path = stack.directory().join("export.jsonl");
    let words = ["users", "export", "--with-hashes", "--output", &*path.to_string_lossy()];
    assert_eq!(stack.auth.command(&words).ended().await.code, Some(0));
    let (text, metadata) = (fs::read_to_string(&path).expect("a file"), fs::metadata(&path).expect("a file"));
    assert!(text.contains("$argon2id$") && text.starts_with("{\"format\":\"jeton-users/1\""), "{text}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    let again = stack.auth.command(&words).ended().await;
    assert!(again.code == Some(1) && again.errors.contains("such a file already"), "{again:?}");
}

async fn an_update_changes_everything_but_passwords_and_admins(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let line = |id: &str, email: &str| {
        json!({ "id": id, "email": email, "name": "Renamed", "roles": ["author"], "password_hash":
            "$2b$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW" })
    };
    let moved = format!("moved-{}", ada.email);
    let text = format!(
        "{{\"format\":\"jeton-users/1\"}}\n{}\n{}\n",
        line(&ada.id, &moved),
        line(&admin.id, "not-an-admin@example.com")
    );
    let file = written(&stack, "users.jsonl", &text);
    let words = ["--from", "jeton", &file, "--on-conflict", "update", "--json"];
    assert_eq!(counts(&import(&stack.auth, &words).await), [0, 1, 0, 1], "dry");
    let ended = import(&stack.auth, &[&words[..], &["--apply"]].concat()).await;
    assert_eq!((counts(&ended), ended.code), ([0, 1, 0, 1], Some(1)), "{ended:?}");
    stack.auth.login(&moved, &ada.password, Transport::Body).await.tokens();
    assert_problem(&stack.auth.login(&ada.email, &ada.password, Transport::Body).await, 401, "invalid_credentials");
    let users = stack.auth.users(&admin.tokens, "").await.expect(200);
    let users = users["users"].as_array().expect("a list");
    let with_id = |id: &str| users.iter().find(|user| user["id"] == id).expect("a user");
    assert_eq!((&with_id(&ada.id)["name"], &with_id(&ada.id)["roles"]), (&json!("Renamed"), &json!(["author"])));
    assert_eq!(with_id(&admin.id)["roles"], json!(["admin"]));
}

async fn verified_addresses_stay_verified_and_follow_the_address(storage: Storage) {
    let stack = Stack::on(storage).start_auth().await;
    let apply = async |name: &str, more: &[&str], users: &[(&str, &str, Option<bool>)]| {
        let mut text = "{\"format\":\"jeton-users/1\"}\n".to_owned();
        for (id, email, verified) in users {
            text += &format!("{}\n", json!({ "external_id": id, "email": email, "email_verified": verified }));
        }
        let file = written(&stack, name, &text);
        let words = [&["--from", "jeton", "--source", "crm", &file, "--json", "--apply"], more].concat();
        let ended = import(&stack.auth, &words).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    let verified = async || {
        let users = exported(&stack.auth).await;
        let is_verified = |email: &str| {
            let user = users.iter().find(|user| user["email"] == email).unwrap_or_else(|| panic!("{email}: {users:?}"));
            user["email_verified"].as_bool().expect("true or false")
        };
        ["a", "b", "c", "d"].map(|name| is_verified(&format!("{name}@example.com")))
    };
    let first = [
        ("1", "a@example.com", Some(true)),
        ("2", "b@example.com", Some(false)),
        ("3", "c@example.com", None),
        ("4", "old@example.com", Some(true)),
    ];
    apply("first.jsonl", &[], &first).await;
    let second = [
        ("1", "a@example.com", Some(false)),
        ("2", "b@example.com", Some(true)),
        ("3", "c@example.com", None),
        ("4", "d@example.com", None),
    ];
    apply("second.jsonl", &["--on-conflict", "update"], &second).await;
    assert_eq!(verified().await, [true, true, false, false], "the fourth has another address");
    let third = [("3", "c@example.com", Some(true)), ("4", "d@example.com", Some(true))];
    apply("third.jsonl", &["--on-conflict", "update", "--verified", "no"], &third).await;
    assert_eq!(verified().await, [true, true, false, false], "nobody trusts the file");
    apply("third.jsonl", &["--on-conflict", "update", "--verified", "trust"], &third).await;
    assert_eq!(verified().await, [true; 4]);
    let fresh = [("5", "e@example.com", Some(true))];
    apply("fresh.jsonl", &["--verified", "no"], &fresh).await;
    let users = exported(&stack.auth).await;
    assert!(users.iter().any(|user| user["email"] == "e@example.com" && user["email_verified"] == json!(false)));
}

fn many(count: usize) -> String {
    let mut text = "{\"format\":\"jeton-users/1\"}\n".to_owned();
    for number in 0..count {
        text += &format!(
            "{{\"external_id\":\"{number}\",\"source\":\"crm\",\"email\":\"bulk{number}@example.com\",\"name\":\"Bulk {number}\",\
             \"password_hash\":\"$2b$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW\"}}\n"
        );
    }
    text
}

async fn an_import_that_was_killed_is_run_again(storage: Storage) {
    const USERS: u64 = 5000;
    let stack = Stack::on(storage).start_auth().await;
    let admin = stack.admin().await;
    let file = written(&stack, "users.jsonl", &many(5000));
    let words = ["--from", "jeton", &file, "--json", "--apply", "--batch", "50"];
    let first = import(&stack.auth, &words);
    let some_are_there = eventually("some users are there", Duration::from_secs(20), || async {
        let found = stack.auth.users(&admin.tokens, "?q=bulk100@").await;
        (found.status == 200 && found["users"][0].is_object()).then_some(())
    });
    // The future that is dropped kills its process.
    tokio::select! {
        ended = first => panic!("it was to be killed: {ended:?}"),
        () = some_are_there => {}
    }
    let second = import(&stack.auth, &words).await;
    let [created, updated, skipped, refused] = counts(&second);
    assert_eq!((second.code, created + skipped, updated, refused), (Some(0), USERS, 0, 0), "{second:?}");
    assert!(created > 0 && skipped >= 50, "{second:?}");
    let bulk = exported(&stack.auth).await.iter().filter(|user| user["source"] == "crm").count();
    assert_eq!(bulk as u64, USERS);
}

#[tokio::test]
async fn ctrl_c_ends_an_import_after_a_batch() {
    let stack = Stack::on(Storage::Embedded).start_auth().await;
    let admin = stack.admin().await;
    let file = written(&stack, "users.jsonl", &many(20_000));
    let mut command = Command::new(binaries::path_of("auth-service"));
    command.env_clear().envs(stack.auth.settings()).current_dir(stack.directory());
    command.args(["users", "import", "--from", "jeton", &file, "--apply", "--batch", "50"]);
    let log = stack.directory().join("import.log");
    let mut import = Process::start("import", command, &log, "KILL");
    eventually("some users are there", Duration::from_secs(20), || async {
        let found = stack.auth.users(&admin.tokens, "?q=bulk100@").await;
        (found.status == 200 && found["users"][0].is_object()).then_some(())
    })
    .await;
    import.signal(libc::SIGINT);
    let status = import.wait(Duration::from_secs(20));
    let said = fs::read_to_string(&log).expect("a log");
    assert_eq!(status.code(), Some(1), "{said}");
    let created = exported(&stack.auth).await.iter().filter(|user| user["source"] == "crm").count();
    assert!(created < 20_000 && created.is_multiple_of(50), "{created}");
    assert!(said.contains(&format!("stopped after {created} users")), "{said}");
    let events = stack.auth.get("/admin/audit?action=users_import&limit=1").bearer(&admin.tokens.access).send().await;
    assert_eq!(events.expect(200)["events"][0]["details"]["created"], json!(created), "the run is recorded");
}

async fn logins_go_on_during_an_import(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let ada = stack.ada().await;
    let file = written(&stack, "users.jsonl", &many(10_000));
    let words = ["--from", "jeton", &file, "--json", "--apply"];
    let (logged_in, put_off) = (Cell::new(0), Cell::new(0));
    let logins = async {
        loop {
            let answer = stack.auth.once().login(&ada.email, &ada.password, Transport::Body).await;
            match answer.status {
                200 => logged_in.set(logged_in.get() + 1),
                // A busy machine: the client tries again.
                503 => put_off.set(put_off.get() + 1),
                _ => panic!("{answer}"),
            }
        }
    };
    tokio::select! {
        ended = import(&stack.auth, &words) => assert_eq!(counts(&ended), [10_000, 0, 0, 0], "{ended:?}"),
        () = logins => {}
    }
    assert!(logged_in.get() > put_off.get(), "{} logins, {} put off", logged_in.get(), put_off.get());
}
