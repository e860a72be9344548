//! Whoever gets hold of everything that is stored can log in as nobody: every stored value, and whatever can be derived
//! from it, is tried as every kind of credential. The search finds planted credentials, so it would find forgotten
//! ones.

mod attempts;
mod candidates;

use crate::stores;
use attempts::{Finding, Thief};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use harness::{AuthenticatorApp, Person, Stack, Storage, Transport, assert_problem, person::fresh_password};
use redis::cmd;
use serde_json::json;

on_every_storage! {
    nothing_that_is_stored_logs_anybody_in,
    a_credential_that_is_stored_is_found,
}

async fn nothing_that_is_stored_logs_anybody_in(storage: Storage) {
    let Used { mut stack, victims, factors } = after_some_use(storage).await;
    let dump = stores::dump(&mut stack, storage).await;
    for known in [&victims[0].email, &victims[0].id, &victims[0].tokens.session_id] {
        assert!(dump.iter().any(|stored| stored.value.contains(known)), "the dump is that of this stack");
    }
    assert_eq!(Thief::new(&stack, &victims, &factors).tries(&dump).await, [].into());
}

async fn a_credential_that_is_stored_is_found(storage: Storage) {
    let Used { mut stack, victims, factors } = after_some_use(storage).await;
    let mut expected = plant_in_sql(&stack, &victims[0], &factors).await;
    if storage != Storage::Embedded {
        expected.extend(plant_in_redis(&stack.redis().url(), &victims[1]).await);
    }
    let dump = stores::dump(&mut stack, storage).await;
    let found = Thief::new(&stack, &victims, &factors).tries(&dump).await;
    for finding in expected {
        assert!(found.contains(&finding), "{finding:?} is not among {found:#?}");
    }
}

/// A refresh token in a sentence, an access token deep in JSON, a password in hex; the signature alone of a token that
/// is stored without it, a CSRF token, and a key that signs.
async fn plant_in_sql(stack: &Stack, ada: &Person, factors: &[String]) -> Vec<Finding> {
    let (store, url) = stores::database(stack);
    let mut database = stores::open(&url).await;
    let custom = json!({ "notes": [{ "support": ada.tokens.access }] }).to_string();
    let signature = ada.tokens.refresh.rsplit('.').next().expect("a signature").to_owned();
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
    let der: Pkcs8V1Der<'_> = key.as_der().expect("a private key has a PKCS#8 form");
    let hex: String = ada.password.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (statement, value) in [
        (
            "INSERT INTO facts (name, value) VALUES ('planted', $1)",
            format!("her token is {}, again", ada.tokens.refresh),
        ),
        ("INSERT INTO counters (name, value, resets_at) VALUES ($1, 2, 1)", signature),
        ("INSERT INTO counters (name, value, resets_at) VALUES ($1, 3, 1)", ada.tokens.csrf.clone()),
        ("INSERT INTO facts (name, value) VALUES ('planted key', $1)", BASE64_STANDARD.encode(der.as_ref())),
        ("INSERT INTO facts (name, value) VALUES ('planted app', $1)", factors[0].clone()),
        ("INSERT INTO facts (name, value) VALUES ('planted recovery code', $1)", factors[1].replace('-', "")),
        ("UPDATE users SET custom = $1 WHERE email LIKE 'bob%'", custom),
        ("INSERT INTO counters (name, value, resets_at) VALUES ($1, 1, 1)", hex),
    ] {
        let planted = sqlx::query(statement).bind(value).execute(&mut database).await.expect("the database answers");
        assert_eq!(planted.rows_affected(), 1, "{statement}");
    }
    let planted = [
        ("refresh token", "facts"),
        ("access token", "users"),
        ("password", "counters"),
        ("signature", "counters"),
        ("CSRF token", "counters"),
        ("key", "facts"),
        ("second factor", "facts"),
    ];
    planted.map(|(what, place)| Finding { what, store, place: place.to_owned() }).into()
}

/// A refresh token in a list, an access token in base64 in a hash, and a password in a sorted set.
async fn plant_in_redis(url: &str, browser: &Person) -> Vec<Finding> {
    let mut redis = stores::connect(url).await;
    let access = BASE64_STANDARD.encode(&browser.tokens.access);
    for command in [
        cmd("RPUSH").arg("planted list").arg(&browser.tokens.refresh),
        cmd("HSET").arg("planted hash").arg("of a session").arg(access),
        cmd("ZADD").arg("planted set").arg(1).arg(&browser.password),
    ] {
        stores::ask::<()>(&mut redis, command).await;
    }
    [("refresh token", "planted list"), ("access token", "planted hash"), ("password", "planted set")]
        .map(|(what, place)| Finding { what, store: "Redis", place: place.to_owned() })
        .into()
}

/// A stack in which everything that leaves a trace has happened.
struct Used {
    stack: Stack,
    /// People with live sessions.
    victims: Vec<Person>,
    /// Secrets of their apps, each followed by their recovery codes.
    factors: Vec<String>,
}

async fn after_some_use(storage: Storage) -> Used {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").trusting_us().start().await;
    let mut admin = stack.admin().await;
    let mut people = vec![stack.ada().await, stack.ada_in_a_browser().await, stack.bob().await];
    for person in &mut people {
        let lost = person.tokens.clone();
        person.refresh().await;
        stack.auth.refresh(&lost).await.tokens();
        let new = fresh_password();
        stack.auth.change_password(&person.tokens, &person.password, &new).await.expect(204);
        person.password = new;
        stack.resource.books(&person.tokens).await.expect(200);
        let change = json!({ "roles": ["author"], "custom": { "plan": "premium" } });
        stack.auth.change_user(&admin.tokens, &person.id, &change).await.expect(200);
        person.refresh().await;
    }
    admin.refresh().await;
    stack.resource.add_book(&admin.tokens, "The Analytical Engine").await.expect(201);
    over(&stack, &admin).await;
    let mut factors = Vec::new();
    for person in &people {
        factors.extend(set_up_an_app(&stack, person).await);
    }
    people.push(admin);
    Used { stack, victims: people, factors }
}

/// The secret of an app that this person sets up, and the recovery codes.
async fn set_up_an_app(stack: &Stack, person: &Person) -> Vec<String> {
    let post = |path: &str| stack.auth.post(path).bearer(&person.tokens.access);
    let begun = post("/auth/totp").send().await.expect(201);
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    let code = AuthenticatorApp::with(&secret).code();
    let confirmed = post("/auth/totp/confirm").json(&json!({ "code": code })).send().await.expect(200);
    let codes = confirmed["recovery_codes"].as_array().expect("a list").iter();
    let codes = codes.map(|code| code.as_str().expect("a text").to_owned());
    std::iter::once(secret).chain(codes).collect()
}

/// Sessions that have ended, in every way, and an account that is throttled.
async fn over(stack: &Stack, admin: &Person) {
    let (mut robbed, gone) = (stack.person("robbed").await, stack.ada_in_a_browser().await);
    let stolen = robbed.tokens.clone();
    robbed.refresh().await;
    robbed.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
    stack.auth.logout(&gone.tokens).await.expect(204);
    stack.auth.change_user(&admin.tokens, &gone.id, &json!({ "disabled": true })).await.expect(200);
    for _ in 0..12 {
        stack.auth.login(&robbed.email, &fresh_password(), Transport::Body).await;
    }
}
