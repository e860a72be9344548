//! What is kept, and what may be lost.

use harness::{Person, Stack, Storage, Transport, assert_problem, containers::Shipped, tokens::Tokens};

#[tokio::test]
async fn after_down_and_up_everything_goes_on() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    let ada = Person::new(&shipped.auth, "ada", Transport::Body).await;
    let keys = shipped.auth.key_set().await.expect(200).json;
    shipped.compose(&["down"]);
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    shipped.wait_until_healthy("resource-service");
    assert_eq!(shipped.auth.key_set().await.expect(200).json, keys, "the secret that sealed them is the same");
    let refreshed: Tokens = shipped.auth.refresh(&ada.tokens).await.tokens();
    shipped.resource.whoami(&refreshed).await.expect(200);
    Person::registered(&shipped.auth, &ada.email, &ada.password).await;
}

#[tokio::test]
async fn a_new_volume_for_redis_logs_nobody_out_and_revives_nothing() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (mut ada, gone) = (stack.ada().await, stack.bob().await);
    let first = ada.tokens.clone();
    ada.refresh().await;
    stack.auth.logout(&gone.tokens).await.expect(204);
    // Nothing was saved: the container and its volume are new.
    stack.redis().restart();
    ada.refresh().await;
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&gone.tokens).await, 401, "session_ended");
    assert_problem(&stack.auth.refresh(&first).await, 401, "refresh_reused");
}

#[tokio::test]
async fn a_killed_redis_comes_back_with_what_it_had_acknowledged() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    let before = stack.redis().generations();
    assert!(!before.is_empty(), "there is a session");
    stack.redis().kill();
    stack.redis().start_as_it_was();
    assert_eq!(stack.redis().generations(), before, "read from its own file");
    ada.refresh().await;
}
