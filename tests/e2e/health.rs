//! `/health/ready` says what is degraded while everything is still served.

use harness::{Answer, Stack, Storage, assert_problem, eventually, postgres::Postgres, service::Service};
use sqlx::Connection as _;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

on_every_storage! {
    readiness_reports_the_age_of_the_keys,
}

mod full {
    use super::*;

    with_redis! {
        a_full_redis_is_not_ready,
    }

    async fn a_full_redis_is_not_ready(storage: Storage) {
        let mut stack = Stack::on(storage).start().await;
        let ada = stack.ada().await;
        stack.redis().configure("maxmemory", "1");
        assert_problem(&stack.auth.once().refresh(&ada.tokens).await, 503, "unavailable");
        is_not_ready(&stack.auth, "it takes nothing more: raise maxmemory").await;
        let checked = stack.auth.command(&["healthcheck"]).ended().await;
        assert_eq!(checked.code, Some(1), "{checked:?}");
        let doctor = stack.auth.command(&["doctor"]).ended().await;
        assert!(doctor.output.contains("it takes nothing more"), "{}", doctor.output);
        stack.redis().configure("maxmemory", "0");
        stack.auth.ready(TIMEOUT).await;
        stack.auth.refresh(&ada.tokens).await.tokens();
    }
}

async fn readiness_reports_the_age_of_the_keys(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let auth = health(&stack.auth).await.expect(200);
    assert_eq!((&auth["status"], &auth["keys"]["published"]), (&"ready".into(), &1.into()), "{auth}");
    assert_eq!((&auth["accounts"], &auth["sessions"]), (&"ok".into(), &"ok".into()), "{auth}");
    for age in ["signing_age_seconds", "read_age_seconds"] {
        assert!(auth["keys"][age].is_u64(), "{auth}");
    }
    let resource = health(&stack.resource).await.expect(200);
    assert_eq!(
        (&resource["status"], &resource["keys"]["source"]),
        (&"ready".into(), &"published".into()),
        "{resource}"
    );
}

#[tokio::test]
async fn the_store_that_does_not_answer_is_named() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    stack.redis().kill();
    // The stores' last answer is reused for 100 ms.
    is_not_ready(&stack.auth, "accounts: ok; sessions: Redis is unavailable").await;
}

#[tokio::test]
async fn unreadable_signing_keys_degrade_the_service_and_nobody_is_refused() {
    let stack = Stack::on(Storage::RedisAndPostgres).auth("AUTH_JWKS_MAX_AGE", "1s").auth("AUTH_KEY_LEAD", "2s");
    let stack = stack.start().await;
    let mut ada = stack.ada().await;
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    Postgres::execute(&database, "ALTER TABLE signing_keys RENAME TO elsewhere");
    becomes(&stack.auth, "degraded").await;
    ada.refresh().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
    Postgres::execute(&database, "ALTER TABLE elsewhere RENAME TO signing_keys");
    becomes(&stack.auth, "ready").await;
}

#[tokio::test]
async fn unconfirmed_keys_degrade_the_service_and_nobody_is_refused() {
    let mut stack = Stack::any().auth("AUTH_JWKS_MAX_AGE", "1s").auth("AUTH_KEY_LEAD", "2s").start().await;
    let ada = stack.ada().await;
    stack.auth.kill();
    let doubtful = becomes(&stack.resource, "degraded").await;
    assert_eq!(doubtful["keys"]["source"], "published", "{doubtful}");
    stack.resource.restart().await;
    let restarted = becomes(&stack.resource, "degraded").await;
    assert_eq!(restarted["keys"]["source"], "snapshot", "{restarted}");
    stack.resource.whoami(&ada.tokens).await.expect(200);
    stack.auth.start().await;
    becomes(&stack.resource, "ready").await;
}

/// Registrations and logouts need writes.
#[tokio::test]
async fn a_postgres_that_takes_no_writes_is_not_ready_and_doctor_says_why() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    let name = database.rsplit('/').next().expect("a name").to_owned();
    Postgres::execute(&database, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    is_not_ready(&stack.auth, "PostgreSQL takes no writes").await;
    is_reported_by_doctor(&stack, "PostgreSQL takes no writes").await;
    let reset = format!("SET transaction_read_only = off; ALTER DATABASE {name} RESET default_transaction_read_only");
    Postgres::execute(&database, &reset);
    stack.auth.ready(TIMEOUT).await;
    assert_eq!(Postgres::query(&database, "SELECT count(*) FROM ended_sessions"), "0", "nothing is left behind");
}

#[tokio::test]
async fn a_postgres_user_without_a_right_that_requests_need_is_not_ready() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).before_the_first_start().prepare();
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    let user = format!("clerk_{}", uuid::Uuid::new_v4().simple());
    Postgres::execute(&database, &format!("CREATE ROLE {user} LOGIN"));
    Postgres::execute(&database, &format!("GRANT CREATE ON SCHEMA public TO {user}"));
    stack.auth.set("AUTH_DATABASE_URL", &database.replace("postgres@", &format!("{user}@")));
    stack.auth.start().await;
    for (table, right) in [("users", "INSERT"), ("ended_sessions", "UPDATE"), ("audit", "INSERT")] {
        Postgres::execute(&database, &format!("REVOKE {right} ON {table} FROM {user}"));
        is_not_ready(&stack.auth, &format!("{right} on {table}")).await;
        is_reported_by_doctor(&stack, &format!("{right} on {table}")).await;
        Postgres::execute(&database, &format!("GRANT {right} ON {table} TO {user}"));
        stack.auth.ready(TIMEOUT).await;
    }
}

#[tokio::test]
async fn an_sqlite_file_that_another_process_holds_is_not_ready() {
    let mut stack = Stack::on(Storage::Embedded).start().await;
    let file = format!("sqlite://{}", stack.data().join("auth.db").display());
    let mut other = sqlx::SqliteConnection::connect(&file).await.expect("the file is there");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("nobody else holds it for long");
    is_not_ready(&stack.auth, "another process holds the file").await;
    is_reported_by_doctor(&stack, "another process holds the file").await;
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("our own transaction");
    stack.auth.ready(TIMEOUT).await;
}

#[tokio::test]
async fn a_redis_that_is_a_replica_or_forbids_what_is_needed_is_not_ready() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    // A replica takes no writes, wherever its master is.
    stack.redis().order("REPLICAOF 127.0.0.1 1");
    is_not_ready(&stack.auth, "a replica takes no writes").await;
    is_reported_by_doctor(&stack, "a replica takes no writes").await;
    stack.redis().order("REPLICAOF NO ONE");
    stack.auth.ready(TIMEOUT).await;
    for command in ["hset", "incr", "evalsha", "pexpireat"] {
        stack.redis().order(&format!("ACL SETUSER default -{command}"));
        is_not_ready(&stack.auth, "ACL SETUSER").await;
        stack.redis().order(&format!("ACL SETUSER default +{command}"));
        stack.auth.ready(TIMEOUT).await;
    }
}

#[tokio::test]
async fn a_redis_that_refuses_the_password_is_reported_once_with_the_setting() {
    let mut stack = Stack::on(Storage::RedisAndSqlite).prepare();
    let url = stack.redis().url();
    stack.redis().order("ACL SETUSER default on >correcthorse resetkeys ~* +@all");
    for (url, said) in
        [(url.clone(), "asks for a password"), (url.replace("//", "//:hunter2@"), "give the user and password")]
    {
        stack.auth.set("AUTH_REDIS_URL", &url);
        stack.auth.spawn();
        is_not_ready(&stack.auth, said).await;
        for _ in 0..3 {
            let refused = stack.auth.login("ada@example.com", "not the password", harness::Transport::Body).await;
            assert_problem(&refused, 503, "unavailable");
        }
        is_reported_by_doctor(&stack, said).await;
        stack.auth.stop();
        let log = stack.auth.log();
        let errors = log.lines().filter(|line| line.contains("\"ERROR\"") && line.contains(said)).count();
        assert_eq!(errors, 1, "{log}");
        assert!(log.contains("AUTH_REDIS_URL: Redis at 127.0.0.1:") && !log.contains("hunter2"), "{log}");
    }
}

/// 503, for that reason.
async fn is_not_ready(service: &Service, reason: &str) {
    let refused = async || Some(health_even_if_it_starts(service).await?).filter(|answer| answer.body.contains(reason));
    let answer = eventually(reason, TIMEOUT, refused).await;
    assert_problem(&answer, 503, "unavailable");
}

async fn health_even_if_it_starts(service: &Service) -> Option<Answer> {
    service.admin_address().get("/health/ready").try_send().await.ok()
}

async fn is_reported_by_doctor(stack: &Stack, words: &str) {
    let doctor = stack.auth.command(&["doctor"]).ended().await;
    let is_said = doctor.output.lines().any(|line| line.starts_with("error") && line.contains(words));
    assert!(is_said && doctor.code == Some(2), "{}", doctor.output);
}

async fn health(service: &Service) -> Answer {
    service.admin_address().get("/health/ready").send().await
}

/// The first answer with this status; it and all before it are 200.
async fn becomes(service: &Service, status: &str) -> Answer {
    eventually(status, TIMEOUT, async || {
        Some(health(service).await.expect(200)).filter(|answer| answer["status"] == status)
    })
    .await
}
