//! Revoked tokens at resource-service, which verifies offline and follows the feed.

use harness::{Person, Stack, Storage, assert_problem, eventually, tokens::Tokens};
use serde_json::json;
use std::time::Duration;

on_every_storage! {
    what_ends_is_refused_within_a_second_and_nothing_else_is,
    changed_rights_bind_within_a_second_and_the_client_goes_on,
}

/// The promise.
const SOON: Duration = Duration::from_secs(1);

async fn is_refused(stack: &Stack, tokens: &Tokens) {
    let answer = eventually("it is refused", SOON, async || {
        let answer = stack.resource.whoami(tokens).await;
        (answer.status != 200).then_some(answer)
    });
    assert_problem(&answer.await, 401, "token_ended");
}

/// Until resource-service has read the feed for the first time.
async fn follows(stack: &Stack) {
    eventually("the feed is read", Duration::from_secs(20), async || {
        let metrics = stack.resource.admin_address().get("/metrics").send().await;
        let reads = metrics.body.lines().find_map(|line| {
            line.strip_prefix("jeton_revocation_reads_total{outcome=\"success\"} ").map(str::to_owned)
        });
        (reads.expect("it is counted") != "0").then_some(())
    })
    .await;
}

async fn what_ends_is_refused_within_a_second_and_nothing_else_is(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, mut ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    follows(&stack).await;
    let [phone, laptop, tablet] = [ada.another_device().await, ada.another_device().await, ada.another_device().await];
    for tokens in [&ada.tokens, &phone, &laptop, &tablet, &bob.tokens] {
        stack.resource.whoami(tokens).await.expect(200);
    }
    stack.auth.logout(&phone).await.expect(204);
    is_refused(&stack, &phone).await;
    stack.auth.end_session(&ada.tokens, &laptop.session_id).await.expect(204);
    is_refused(&stack, &laptop).await;
    for tokens in [&ada.tokens, &tablet] {
        stack.resource.whoami(tokens).await.expect(200);
    }
    let new = harness::person::fresh_password();
    stack.auth.change_password(&ada.tokens, &ada.password, &new).await.expect(204);
    ada.password = new;
    is_refused(&stack, &tablet).await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "disabled": true })).await.expect(200);
    is_refused(&stack, &ada.tokens).await;
    stack.resource.whoami(&bob.tokens).await.expect(200);
}

async fn changed_rights_bind_within_a_second_and_the_client_goes_on(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "roles": ["admin"] })).await.expect(200);
    ada.refresh().await;
    follows(&stack).await;
    stack.resource.add_book(&ada.tokens, "One").await.expect(201);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "roles": ["reader"] })).await.expect(200);
    is_refused(&stack, &ada.tokens).await;
    ada.refresh().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
    assert_problem(&stack.resource.add_book(&ada.tokens, "Two").await, 403, "insufficient_scope");
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "custom": { "team": 7 } })).await.expect(200);
    is_refused(&stack, &ada.tokens).await;
    ada.refresh().await;
    let seen = stack.resource.whoami(&ada.tokens).await.expect(200);
    assert_eq!(seen["custom"]["team"], 7, "{seen}");
}

#[tokio::test]
async fn while_everything_else_is_gone_what_was_revoked_stays_refused_also_after_a_restart() {
    let mut stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    follows(&stack).await;
    stack.auth.logout(&phone).await.expect(204);
    is_refused(&stack, &phone).await;
    // The snapshot is written now and then.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stack.auth.kill();
    for _ in 0..2 {
        stack.resource.whoami(&ada.tokens).await.expect(200);
        assert_problem(&stack.resource.whoami(&phone).await, 401, "token_ended");
        stack.resource.restart().await;
    }
}

#[tokio::test]
async fn with_a_frozen_feed_only_what_must_be_fresh_is_put_off() {
    let stack = Stack::any().resource("RESOURCE_FRESH_SCOPES", "books:write");
    let mut stack = stack.resource("RESOURCE_FRESH_WITHIN", "3s").start().await;
    let admin: Person = stack.admin().await;
    eventually("the feed is fresh", Duration::from_secs(20), async || {
        let answer = stack.resource.once().add_book(&admin.tokens, "One").await;
        (answer.status == 201).then_some(())
    })
    .await;
    stack.auth.pause();
    let put_off = eventually("it is put off", Duration::from_secs(20), async || {
        let answer = stack.resource.once().add_book(&admin.tokens, "Two").await;
        (answer.status != 201).then_some(answer)
    });
    assert_problem(&put_off.await, 503, "revocations_stale");
    stack.resource.whoami(&admin.tokens).await.expect(200);
    stack.resource.books(&admin.tokens).await.expect(200);
    stack.auth.resume();
    eventually("it goes on", Duration::from_secs(20), async || {
        let answer = stack.resource.once().add_book(&admin.tokens, "Two").await;
        (answer.status == 201).then_some(())
    })
    .await;
    stack.auth.stop();
}
