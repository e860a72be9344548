//! A replica stands still while the others go on.

use harness::{Stack, Storage};
use std::time::Duration;
use tokio::time::timeout;

with_redis! {
    what_a_client_gave_up_while_a_replica_stood_still_is_no_theft,
}

/// The client goes on at the other replica. When the first one runs again, it finds a request with a token that is long
/// outdated, and a closed connection.
async fn what_a_client_gave_up_while_a_replica_stood_still_is_no_theft(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let replica = stack.replica().await;
    let ada = stack.ada().await;
    stack.auth.pause();
    for _ in 0..3 {
        let given_up = stack.auth.refresh_request(&ada.tokens).try_send();
        assert!(timeout(Duration::from_millis(200), given_up).await.is_err(), "it stands still");
    }
    let next = replica.refresh(&ada.tokens).await.tokens();
    let newest = replica.refresh(&next).await.tokens();
    stack.auth.resume();
    // Answered after what waited before it.
    stack.auth.get("/.well-known/jwks.json").send().await.expect(200);
    for _ in 0..3 {
        stack.auth.sessions(&newest).await.expect(200);
    }
    replica.refresh(&newest).await.tokens();
}
