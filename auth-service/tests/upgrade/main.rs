//! The current version takes over a database of the first landed version, and that version goes on with the result:
//! replicas of both run side by side during an upgrade.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise, and its message is the error")]

mod first_version;
mod older_program;

use first_version::{EMAIL, FirstVersion, ISSUER, PASSWORD};
use harness::{Stack, Storage, Transport, assert_problem, forge};
use serde_json::json;
use std::{path::Path, time::Duration};

macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test(super::FirstVersion::on_sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { super::$test(super::FirstVersion::on_postgres().await).await; })+
        }
    };
}

on_both_databases! {
    users_sessions_and_keys_live_on,
    what_had_ended_stays_ended,
    replicas_that_start_together_migrate_once,
}

async fn start(database: &FirstVersion) -> Stack {
    described(database).start().await
}

fn described(database: &FirstVersion) -> harness::StackBuilder {
    Stack::on(Storage::Embedded)
        .auth("AUTH_DATABASE_URL", &database.url)
        .auth("AUTH_SECRET", &first_version::secret())
        .auth("AUTH_PUBLIC_URL", ISSUER)
}

async fn users_sessions_and_keys_live_on(database: FirstVersion) {
    let kid = database.text("SELECT kid AS it FROM signing_keys").await;
    let live = database.refresh_token_of_the_live_session().await;
    let stack = start(&database).await;
    let tokens = stack.auth.login(EMAIL, PASSWORD, Transport::Body).await.tokens();
    assert_eq!(forge::header_of(&tokens.access)["kid"], kid.as_str(), "the old key goes on signing");
    stack.resource.whoami(&tokens).await.expect(200);
    stack.auth.me(&tokens).await.expect(200);
    assert!(stack.auth.key_set().await.body.contains(&kid));
    let refreshed = stack.auth.post("/auth/refresh").json(&json!({ "refresh_token": live })).send().await.tokens();
    stack.resource.whoami(&refreshed).await.expect(200);
}

async fn what_had_ended_stays_ended(database: FirstVersion) {
    let ended = database.refresh_token_of_the_ended_session().await;
    let stack = start(&database).await;
    let answer = stack.auth.post("/auth/refresh").json(&json!({ "refresh_token": ended })).send().await;
    assert_problem(&answer, 401, "session_ended");
}

fn files_in(directory: &str) -> usize {
    let entries = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory).read_dir().unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
}

async fn replicas_that_start_together_migrate_once(database: FirstVersion) {
    let mut stack = described(&database).prepare();
    stack.auth.spawn();
    let replica = stack.replica().await;
    stack.auth.ready(Duration::from_secs(30)).await;
    assert_eq!(stack.auth.key_set().await.expect(200).json, replica.key_set().await.expect(200).json);
    let own = if database.url.starts_with("sqlite:") { "migrations/sqlite" } else { "migrations/postgres" };
    let migrations = files_in("migrations") + files_in(own);
    let applied = database.text("SELECT CAST(count(*) AS TEXT) AS it FROM _sqlx_migrations WHERE success").await;
    assert_eq!(applied, migrations.to_string());
    replica.login(EMAIL, PASSWORD, Transport::Body).await.tokens();
}
