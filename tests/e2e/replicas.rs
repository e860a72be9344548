//! Several auth-services behind the same stores are one.

use futures_util::future::join_all;
use harness::{Stack, Storage, Transport, assert_problem};

on_every_storage! {
    what_one_replica_does_the_other_knows,
    parallel_refreshes_over_two_replicas_make_one_rotation,
    a_theft_is_detected_across_replicas,
}

async fn what_one_replica_does_the_other_knows(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let replica = stack.replica().await;
    assert_eq!(stack.auth.key_set().await.json, replica.key_set().await.json);
    let ada = stack.ada().await;
    let on_the_other = replica.login(&ada.email, &ada.password, Transport::Body).await.tokens();
    stack.auth.me(&on_the_other).await.expect(200);
    stack.resource.whoami(&on_the_other).await.expect(200);
    let refreshed = replica.refresh(&ada.tokens).await.tokens();
    let again = stack.auth.refresh(&refreshed).await.tokens();
    assert_eq!(again.refresh, refreshed.refresh, "every replica signs the newest token to the same bytes");
    stack.auth.logout(&again).await.expect(204);
    assert_problem(&replica.refresh(&again).await, 401, "session_ended");
    assert_problem(&replica.me(&again).await, 401, "token_invalid");
}

async fn parallel_refreshes_over_two_replicas_make_one_rotation(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let replica = stack.replica().await;
    let ada = stack.ada().await;
    let refreshed = join_all((0..20).map(|turn| {
        let service = if turn % 2 == 0 { &stack.auth } else { &replica };
        service.refreshed(&ada.tokens)
    }))
    .await;
    for tokens in &refreshed {
        assert_eq!(tokens.refresh, refreshed[0].refresh);
    }
}

async fn a_theft_is_detected_across_replicas(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let replica = stack.replica().await;
    let mut ada = stack.ada().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;
    assert_problem(&replica.refresh(&stolen).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}

#[tokio::test]
async fn replicas_that_start_together_on_an_empty_store_agree_on_the_key() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).prepare();
    stack.auth.spawn();
    let replica = stack.replica().await;
    stack.auth.ready(std::time::Duration::from_secs(30)).await;
    assert_eq!(stack.auth.key_set().await.expect(200).json, replica.key_set().await.expect(200).json);
    stack.admin().await;
}
