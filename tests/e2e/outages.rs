//! A store or a service is down: requests that need it are put off, never refused, and all others go on.

use harness::{
    Answer, Person, Stack, Storage, Tokens, Transport, assert_problem, eventually, forge, lateness::Lateness,
    postgres::Postgres,
};
use std::{
    fs,
    time::{Duration, Instant},
};

with_redis! {
    while_redis_is_down_requests_are_put_off_and_never_refused,
    with_redis_frozen_answers_and_recovery_come_soon,
    a_logout_that_failed_keeps_the_cookie,
}

/// An outage of a store is over within two seconds of its return (docs/sessions.md).
const RECOVERY: Duration = Duration::from_secs(2);

/// During an outage, requests are answered within a second, with a margin for busy machines.
const PROMPT: Duration = Duration::from_millis(1800);

pub(crate) async fn refreshed_within_two_seconds(stack: &Stack, tokens: &Tokens) -> Tokens {
    answer_within_two_seconds(async || stack.auth.once().refresh(tokens).await).await.tokens()
}

/// The first answer that is not 503.
async fn answer_within_two_seconds(ask: impl AsyncFn() -> Answer) -> Answer {
    eventually("a store that is back is used", RECOVERY, async || {
        Some(ask().await).filter(|answer| answer.status != 503)
    })
    .await
}

async fn while_redis_is_down_requests_are_put_off_and_never_refused(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    stack.redis().kill();
    assert_store_outage(&stack, &ada).await;
    let forged = ada.tokens.with_refresh(&forge::with_flipped_signature(&ada.tokens.refresh));
    assert_problem(&stack.auth.refresh(&forged).await, 401, "invalid_refresh_token");

    stack.redis().restart();
    ada.tokens = refreshed_within_two_seconds(&stack, &ada.tokens).await;
    stack.auth.ready(RECOVERY).await;
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.tokens();
    ada.refresh().await;
}

async fn with_redis_frozen_answers_and_recovery_come_soon(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    stack.redis().pause();
    assert_store_outage(&stack, &ada).await;
    stack.redis().resume();
    ada.tokens = refreshed_within_two_seconds(&stack, &ada.tokens).await;
    stack.auth.ready(RECOVERY).await;
}

/// A server whose disk is full reads, and refuses to write.
const DISK_FULL: &str = "
    CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END
    $$;
    CREATE TRIGGER disk_full BEFORE INSERT ON users EXECUTE FUNCTION disk_full();";

#[tokio::test]
async fn an_outage_while_the_first_admin_is_created_does_not_blame_the_setting() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).prepare();
    let settings = ["AUTH_ADMIN_EMAIL", "AUTH_ADMIN_PASSWORD"].map(|name| (name, stack.auth.settings()[name].clone()));
    settings.iter().for_each(|(name, _)| stack.auth.unset(name));
    stack.auth.start().await;
    stack.auth.stop();
    Postgres::execute(&stack.postgres_url().expect("PostgreSQL"), DISK_FULL);

    settings.iter().for_each(|(name, value)| stack.auth.set(name, value));
    let ended = stack.auth.command(&[]).ended().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("database") && !ended.errors.contains("AUTH_ADMIN"), "{ended:?}");
}

async fn a_logout_that_failed_keeps_the_cookie(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let ada = stack.ada_in_a_browser().await;
    stack.redis().kill();
    let answer = stack.auth.once().logout(&ada.tokens).await;
    match answer.status {
        // The ending is written to SQL first; whether a dead Redis makes it a 503 is the service's choice.
        204 => {}
        _ => {
            assert_problem(&answer, 503, "unavailable");
            assert_eq!(answer.set_cookies(), [], "the cookie stays\n{answer}");
        }
    }
    stack.redis().restart();
    let again = answer_within_two_seconds(async || stack.auth.once().logout(&ada.tokens).await).await;
    assert_eq!(again.status, 204, "{again}");
    let over = answer_within_two_seconds(async || stack.auth.once().refresh(&ada.tokens).await).await;
    assert_problem(&over, 401, "session_ended");
}

#[tokio::test]
async fn while_postgres_is_down_requests_are_put_off_and_never_refused() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).with_own_postgres().start().await;
    let mut ada = stack.ada().await;
    stack.postgres().kill();
    assert_store_outage(&stack, &ada).await;
    let once = stack.auth.once();
    for answer in [once.me(&ada.tokens).await, once.logout(&ada.tokens).await] {
        assert_problem(&answer, 503, "unavailable");
    }
    stack.postgres().restart();
    ada.tokens = refreshed_within_two_seconds(&stack, &ada.tokens).await;
    stack.auth.ready(RECOVERY).await;
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.tokens();
    ada.refresh().await;
}

#[tokio::test]
async fn resource_service_goes_on_serving_when_everything_else_is_gone() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ada = stack.ada().await;
    stack.redis().kill();
    stack.auth.kill();
    for _ in 0..3 {
        stack.resource.whoami(&ada.tokens).await.expect(200);
        stack.resource.books(&ada.tokens).await.expect(200);
        assert_problem(&stack.resource.whoami_as("x").await, 401, "token_invalid");
        stack.resource.restart().await;
    }
    stack.resource.kill();
    stack.resource.start().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
}

#[tokio::test]
async fn keys_pinned_in_a_file_need_no_auth_service_at_all() {
    let issuer = forge::Issuer::new("https://elsewhere.example");
    let mut stack = Stack::resource_alone(&issuer).await;
    stack.resource.whoami_as(&issuer.token()).await.expect(200);
    stack.resource.restart().await;
    stack.resource.whoami_as(&issuer.token()).await.expect(200);

    let successor = forge::Issuer::new("https://elsewhere.example");
    assert_problem(&stack.resource.whoami_as(&successor.token()).await, 401, "token_invalid");
    fs::write(stack.directory().join("pinned.json"), successor.key_set().to_string()).expect("our own directory");
    eventually("the changed file is read", Duration::from_secs(15), || async {
        (stack.resource.whoami_as(&successor.token()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn pinned_keys_may_be_pem() {
    let issuer = forge::Issuer::new("https://elsewhere.example");
    let mut stack = Stack::resource_alone(&issuer).await;
    let keys = stack.directory().join("pinned.pem");
    fs::write(&keys, issuer.public_pem()).expect("our own directory");
    stack.resource.set("RESOURCE_JWKS_FILE", &keys.to_string_lossy());
    stack.resource.restart().await;
    stack.resource.whoami_as(&issuer.token()).await.expect(200);
}

#[tokio::test]
async fn without_any_key_resource_service_answers_503_and_keeps_trying() {
    let mut stack = Stack::any().prepare();
    stack.resource.spawn();
    eventually("resource-service lives", Duration::from_secs(10), || async {
        stack.resource.admin_address().get("/health/live").try_send().await.ok().filter(|answer| answer.status == 200)
    })
    .await;
    let ready = stack.resource.admin_address().get("/health/ready").send().await;
    assert_eq!(ready.status, 503, "{ready}");
    let token = forge::Issuer::new(&stack.auth.url()).token();
    assert_problem(&stack.resource.once().whoami_as(&token).await, 503, "unavailable");

    stack.auth.start().await;
    stack.resource.ready(Duration::from_secs(12)).await;
    let ada = stack.ada().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
}

async fn assert_store_outage(stack: &Stack, ada: &Person) {
    for _ in 0..3 {
        let (begun, lateness) = (Instant::now(), Lateness::from_now());
        let refresh = stack.auth.once().refresh(&ada.tokens).await;
        let took = begun.elapsed();
        assert!(took < PROMPT + lateness.so_far(), "that took {took:?}\n{refresh}");
        assert_problem(&refresh, 503, "unavailable");
    }
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&login, 503, "unavailable");
    // The stores' last answer is reused for 100 ms.
    eventually("auth-service is not ready", Duration::from_secs(10), async || {
        let ready = stack.auth.admin_address().get("/health/ready").send().await;
        (ready.status == 503).then_some(())
    })
    .await;
    stack.auth.admin_address().get("/health/live").send().await.expect(200);
    stack.resource.whoami(&ada.tokens).await.expect(200);
}
