//! The health checks that compose and operators rely on tell the truth.

use harness::{Stack, Storage, eventually};
use std::time::Duration;

/// Three checks that fail, five seconds apart, each of which may take three.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn becomes(stack: &Stack, service: &str, health: &str) {
    eventually(&format!("{service} is {health}"), TIMEOUT, async || (stack.health(service) == health).then_some(()))
        .await;
}

#[tokio::test]
async fn auth_service_is_unhealthy_while_it_cannot_reach_a_store() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    becomes(&stack, "auth-service", "healthy").await;
    stack.redis().kill();
    becomes(&stack, "auth-service", "unhealthy").await;
    stack.redis().restart();
    becomes(&stack, "auth-service", "healthy").await;
    stack.postgres().kill();
    becomes(&stack, "auth-service", "unhealthy").await;
    stack.postgres().restart();
    becomes(&stack, "auth-service", "healthy").await;
}

#[tokio::test]
async fn resource_service_is_healthy_without_anybody_else() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ada = stack.ada().await;
    becomes(&stack, "resource-service", "healthy").await;
    stack.auth.kill();
    stack.redis().kill();
    stack.postgres().kill();
    stack.resource.restart().await;
    becomes(&stack, "resource-service", "healthy").await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
}
