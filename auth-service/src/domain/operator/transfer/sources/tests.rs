use crate::domain::operator::transfer::{
    format::{BadInput, UserLine},
    sources::{HashConfig, Source},
};
use serde_json::json;
use std::{fs, io::BufReader, ops::ControlFlow, path::Path};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/imports").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A number, and a user or a reason.
type Read = (u64, Result<UserLine, String>);

fn read(source: Source, text: &str) -> Result<Vec<Read>, BadInput> {
    let config = HashConfig::parse(&fixture("firebase-hash-config.txt")).expect("a config");
    let mut read = Vec::new();
    // A small buffer: nothing may depend on what arrives at once.
    let mut input = BufReader::with_capacity(7, text.as_bytes());
    source.read(&mut input, Some(&config), &mut |entry| {
        read.push((entry.number, entry.user.map_err(|refusal| refusal.0)));
        ControlFlow::Continue(())
    })?;
    Ok(read)
}

fn user(entry: &Read) -> &UserLine {
    entry.1.as_ref().unwrap_or_else(|reason| panic!("{}: {reason}", entry.0))
}

fn reason(entry: &Read) -> (u64, &str) {
    (entry.0, entry.1.as_ref().err().map_or("", String::as_str))
}

#[test]
fn a_realm_of_keycloak_is_read_with_its_users() {
    let users = read(Source::Keycloak, &fixture("keycloak-realm.json")).expect("a realm");
    assert_eq!(users.len(), 7);
    let verified: Vec<_> = users[..5].iter().map(|entry| user(entry).email_verified).collect();
    assert_eq!(verified, [Some(true), Some(false), None, None, None], "the fourth has no address, but such a name");
    let ada = user(&users[0]);
    assert_eq!(ada.id.as_deref(), Some("0f4ad8a5-1c5e-4b8e-9d5f-6a1b2c3d4e01"));
    assert_eq!((ada.name.as_deref(), ada.email_verified, &ada.roles), (Some("Ada Lovelace"), Some(true), &None));
    assert_eq!(ada.created_at.as_deref(), Some("2025-01-01T00:00:00.123Z"));
    assert!(ada.password_hash.as_deref().expect("a hash").starts_with("$argon2id$v=19$m=256,t=5,p=1$"));
    assert_eq!(user(&users[1]).roles.as_deref(), Some(&["writer".to_owned()][..]));
    for (entry, begin) in
        users[1..4].iter().zip(["$pbkdf2-sha512$i=2100$", "$pbkdf2-sha256$i=2750$", "$pbkdf2-sha1$i=2000$"])
    {
        assert!(user(entry).password_hash.as_deref().expect("a hash").starts_with(begin), "{begin}");
    }
    assert_eq!(user(&users[3]).email, "keycloak-sha1@example.com", "the name is an address");
    assert!(user(&users[4]).disabled && user(&users[4]).password_hash.is_none());
    assert_eq!(reason(&users[5]), (6, "it is the account of a service"));
    assert_eq!(reason(&users[6]), (7, "email: there is none"));
    assert_eq!(read(Source::Keycloak, &fixture("keycloak-users-0.json")).expect("a file of users").len(), 1);
}

#[test]
fn rows_of_supabase_are_read() {
    let users = read(Source::Supabase, &fixture("supabase.jsonl")).expect("rows");
    let grace = user(&users[0]);
    assert_eq!(grace.name.as_deref(), Some("Grace Hopper"));
    assert_eq!((grace.email_verified, user(&users[1]).email_verified), (Some(true), Some(false)));
    assert_eq!(grace.created_at.as_deref(), Some("2024-05-01T11:59:00.654321+00:00"));
    assert!(grace.password_hash.as_deref().expect("a hash").starts_with("$2a$"));
    assert!(user(&users[1]).disabled, "banned");
    assert_eq!(user(&users[1]).created_at.as_deref(), Some("2024-05-01T11:59:00+00:00"));
    assert_eq!(reason(&users[2]), (3, "email: there is none"));
}

#[test]
fn both_forms_of_auth0_are_read() {
    let lines = read(Source::Auth0, &fixture("auth0.jsonl")).expect("lines");
    assert_eq!(user(&lines[0]).external_id.as_deref(), Some("auth0|60425dc43519d90068f82973"));
    assert!(user(&lines[0]).password_hash.as_deref().expect("a hash").starts_with("$2b$"));
    assert!(user(&lines[1]).disabled);
    assert_eq!((user(&lines[0]).email_verified, user(&lines[1]).email_verified), (Some(false), Some(true)));
    assert_eq!(user(&lines[1]).name.as_deref(), Some("g"), "the address is not a name");
    let list = read(Source::Auth0, &fixture("auth0-import.json")).expect("a list");
    assert!(user(&list[0]).password_hash.as_deref().expect("a hash").starts_with("$pbkdf2-sha512$"));
    assert!(reason(&list[1]).1.starts_with("custom_password_hash"));
}

#[test]
fn users_of_firebase_are_read_with_their_projects_parameters() {
    let users = read(Source::Firebase, &fixture("firebase.json")).expect("users");
    let joan = user(&users[0]);
    assert_eq!(joan.external_id.as_deref(), Some("GdTZ2zM8vYQvXxfNd3a1bTf3Kq22"));
    assert_eq!((&joan.custom["plan"], joan.email_verified), (&json!("premium"), Some(true)));
    let hash = joan.password_hash.as_deref().expect("a hash");
    assert!(hash.starts_with("$scrypt-firebase$ln=14,r=8,p=1,keyid="), "{hash}");
    assert!(!hash.contains("jxspr8Ki0RYycVU8"), "the key is not in the row");
    assert!(user(&users[1]).disabled && user(&users[1]).password_hash.is_none());
    assert_eq!(reason(&users[2]), (3, "email: there is none"));
}

#[test]
fn parameters_of_firebase_are_read_as_its_console_shows_them_and_as_json() {
    let text = fixture("firebase-hash-config.txt");
    let json = text.lines().filter(|line| line.contains(':')).map(|line| {
        let (name, value) = line.trim().trim_end_matches(',').split_once(": ").expect("a field");
        format!("\"{name}\": \"{value}\"")
    });
    let json = format!("{{{}}}", json.collect::<Vec<_>>().join(", "));
    let id = |text: &str| HashConfig::parse(text).map(|config| config.signer_key().id());
    assert!(id(&text).is_ok());
    assert_eq!(id(&json), id(&text));
    for (spoilt, name) in
        [("rounds", "rounds"), ("base64_signer_key: jx", "base64_signer_key"), ("mem_cost: 14", "mem_cost")]
    {
        assert_eq!(id(&text.replace(spoilt, "")).map_err(|error| error.0), Err(name));
    }
}

#[test]
fn rows_of_better_auth_are_read() {
    let users = read(Source::BetterAuth, &fixture("better-auth.jsonl")).expect("rows");
    let radia = user(&users[0]);
    assert_eq!((radia.id.as_deref(), &radia.roles), (Some("Xq3vB7nK1pLm9sTz4RwY8uHc2FgJ6dAe"), &None));
    assert_eq!(radia.created_at.as_deref(), Some("2024-05-01T12:00:00.123Z"), "without a zone it is UTC");
    assert!(radia.password_hash.as_deref().expect("a hash").contains(':'));
    assert!(user(&users[1]).disabled);
    assert_eq!((radia.email_verified, user(&users[1]).email_verified), (Some(true), Some(false)), "0 is false");
    assert_eq!(user(&users[1]).created_at.as_deref(), Some("2024-05-01T12:00:00.123Z"));
    let list = format!("[{}]", fixture("better-auth.jsonl").trim().replace('\n', ","));
    assert_eq!(read(Source::BetterAuth, &list).expect("a list").len(), 2, "as SQLite's shell writes them");
}

#[test]
fn a_table_is_read_by_its_headings() {
    let users = read(Source::Csv, &fixture("users.csv")).expect("a table");
    let first = user(&users[0]);
    assert_eq!((users[0].0, first.name.as_deref()), (2, Some("Django, \"the\" one")));
    assert_eq!(first.roles.as_deref(), Some(&["author".to_owned(), "reader".to_owned()][..]));
    assert_eq!(first.created_at.as_deref(), Some("2020-02-29T12:00:00+00:00"));
    assert_eq!(user(&users[2]).created_at.as_deref(), Some("2020-02-29T12:00:00Z"));
    assert_eq!(reason(users.last().expect("a row")), (12, "it has 2 columns, not 7"));
    let verified =
        read(Source::Csv, "email,email_verified\na@example.com,T\nb@example.com,0\nc@example.com,\nd@example.com,so\n");
    let verified = verified.expect("a table");
    assert_eq!(
        verified[..3].iter().map(|entry| user(entry).email_verified).collect::<Vec<_>>(),
        [Some(true), Some(false), None]
    );
    assert_eq!(reason(&verified[3]), (5, "email_verified: it is neither true nor false"));
    for (headings, about) in [("email,pasword\n", "pasword"), ("name\n", "email"), ("", "email")] {
        let error = read(Source::Csv, headings).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(about), "{error}");
    }
}

#[test]
fn what_is_wrong_is_reported_by_its_place_and_never_quoted() {
    let header = "{\"format\":\"jeton-users/1\"}\n";
    let secret = "hunter2-secret";
    let text = format!(
        "{header}\n{{\"email\":\"a@example.com\"}}\n{{\"email\":17,\"password_hash\":\"{secret}\"}}\n{{\"{secret}\n{{\"email\":\"b@example.com\",\"password\":\"{secret}\"}}\n{{\"email\":\"{}\"}}\n{{\"email\":\"c@example.com\"}}",
        "x".repeat(300 * 1024),
    );
    let users = read(Source::Jeton, &text).expect("lines");
    assert_eq!(
        users.iter().map(|(number, user)| (*number, user.is_ok())).collect::<Vec<_>>(),
        [(3, true), (4, false), (5, false), (6, false), (7, false), (8, true)]
    );
    assert!(
        users.iter().all(|entry| !reason(entry).1.contains(secret)),
        "{:?}",
        users.iter().map(reason).collect::<Vec<_>>()
    );
    for (source, text) in [
        (Source::Jeton, ""),
        (Source::Jeton, "{\"format\":\"jeton-users/2\"}"),
        (Source::Jeton, "{\"email\":\"a@example.com\"}"),
        (Source::Keycloak, "{\"realm\":\"acme\"}"),
        (Source::Keycloak, "{\"users\":[{\"email\":\"hunter2-secret\""),
        (Source::Keycloak, "{\"users\":\"hunter2-secret\"}"),
        (Source::Firebase, "hunter2-secret"),
        (Source::Supabase, "  \n "),
    ] {
        let error = read(source, text).err().unwrap_or_else(|| panic!("{source:?} {text}"));
        assert!(!error.to_string().contains(secret), "{error}");
    }
}

#[test]
fn reading_ends_when_nobody_wants_more() {
    for (source, file) in [
        (Source::Keycloak, "keycloak-realm.json"),
        (Source::Supabase, "supabase.jsonl"),
        (Source::Auth0, "auth0-import.json"),
        (Source::Csv, "users.csv"),
    ] {
        let (text, mut count) = (fixture(file), 0);
        let read = source.read(&mut text.as_bytes(), None, &mut |_| {
            count += 1;
            ControlFlow::Break(())
        });
        assert!(read.is_ok() && count == 1, "{file}");
    }
}
