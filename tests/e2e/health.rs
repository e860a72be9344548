//! `/health/ready` says what is degraded while everything is still served.

use harness::{Answer, Stack, Storage, assert_problem, eventually, postgres::Postgres, service::Service};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

on_every_storage! {
    who_is_ready_says_how_old_its_keys_are,
}

mod full {
    use super::*;

    with_redis! {
        a_redis_that_takes_nothing_more_is_not_ready,
    }

    async fn a_redis_that_takes_nothing_more_is_not_ready(storage: Storage) {
        let mut stack = Stack::on(storage).start().await;
        let ada = stack.ada().await;
        stack.redis().configure("maxmemory", "1");
        assert_problem(&stack.auth.once().refresh(&ada.tokens).await, 503, "unavailable");
        assert_problem(&health(&stack.auth).await, 503, "unavailable");
        let checked = stack.auth.command(&["healthcheck"]).ended().await;
        assert_eq!(checked.code, Some(1), "{checked:?}");
        let doctor = stack.auth.command(&["doctor"]).ended().await;
        assert!(doctor.output.contains("it takes nothing more"), "{}", doctor.output);
        stack.redis().configure("maxmemory", "0");
        health(&stack.auth).await.expect(200);
        stack.auth.refresh(&ada.tokens).await.tokens();
    }
}

async fn who_is_ready_says_how_old_its_keys_are(storage: Storage) {
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
    let auth = health(&stack.auth).await;
    assert_problem(&auth, 503, "unavailable");
    let detail = auth["detail"].as_str().expect("a text");
    assert!(detail.starts_with("accounts: ok; sessions: Redis is unavailable"), "{auth}");
}

#[tokio::test]
async fn signing_keys_that_cannot_be_read_degrade_and_nobody_is_refused() {
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
async fn keys_that_cannot_be_confirmed_degrade_and_nobody_is_refused() {
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

async fn health(service: &Service) -> Answer {
    service.admin_address().get("/health/ready").send().await
}

/// The answer, which is 200 all the time until then.
async fn becomes(service: &Service, status: &str) -> Answer {
    eventually(status, PATIENCE, async || {
        Some(health(service).await.expect(200)).filter(|answer| answer["status"] == status)
    })
    .await
}
