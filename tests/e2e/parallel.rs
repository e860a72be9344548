//! Many requests at once do not break a session.

use futures_util::future::join_all;
use harness::{Stack, Storage, Tokens, Transport, answer::assert_is_problem, lateness::Lateness};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

on_every_storage! {
    twenty_parallel_refreshes_make_one_rotation_and_get_the_same_token,
    ten_tabs_restored_at_once_again_and_again_keep_the_session,
    ten_tabs_that_retry_late_and_together_get_one_token,
    two_people_refresh_at_once_without_getting_in_each_others_way,
}

async fn twenty_parallel_refreshes_make_one_rotation_and_get_the_same_token(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let refreshed = join_all((0..20).map(|_| stack.auth.refreshed(&ada.tokens))).await;
    for tokens in &refreshed {
        assert_eq!(tokens.refresh, refreshed[0].refresh);
    }
    let generation = |tokens: &Tokens| tokens.refresh_claims()["gen"].as_u64().expect("gen is a number");
    assert_eq!(generation(&refreshed[0]), generation(&ada.tokens) + 1);
    ada.tokens = refreshed[0].clone();
    assert_eq!(ada.refresh().await.refresh, refreshed[0].refresh);
}

/// A browser's tabs share the cookie; each reads it when it happens to wake up.
async fn ten_tabs_restored_at_once_again_and_again_keep_the_session(storage: Storage) {
    let window = Duration::from_secs(1);
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "1s").start().await;
    let jar = RefCell::new(stack.ada_in_a_browser().await.tokens);
    for _ in 0..3 {
        let before = jar.borrow().refresh.clone();
        join_all((0..10).map(|tab| {
            let (stack, jar) = (&stack, &jar);
            async move {
                tokio::time::sleep(Duration::from_millis(tab * 7 % 40)).await;
                let held = jar.borrow().clone();
                let refreshed = stack.auth.refreshed(&held).await;
                jar.replace(refreshed);
            }
        }))
        .await;
        assert_ne!(jar.borrow().refresh, before, "the token has moved on");
        tokio::time::sleep(window + Duration::from_millis(100)).await;
    }
}

/// The response to the last refresh was lost, and the laptop slept. If each tab got its own token, a tab that used one
/// of them at once would kill the others, and one of those may end up in the jar.
async fn ten_tabs_that_retry_late_and_together_get_one_token(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "4s").start().await;
    let ada = stack.ada_in_a_browser().await;
    let lost = stack.auth.refresh(&ada.tokens).await.tokens();
    tokio::time::sleep(Duration::from_millis(4100)).await;
    let retried = join_all((0..10).map(|_| stack.auth.refreshed(&ada.tokens))).await;
    for tokens in &retried {
        assert_ne!(tokens.refresh, lost.refresh);
        assert_eq!(tokens.refresh, retried[0].refresh);
    }
    let retried = &retried[0];
    assert_eq!(stack.auth.refresh(retried).await.tokens().refresh, retried.refresh, "a new window has begun");
}

async fn two_people_refresh_at_once_without_getting_in_each_others_way(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let refreshed = join_all((0..20).map(|turn| {
        let person = if turn % 2 == 0 { &ada } else { &bob };
        stack.auth.refreshed(&person.tokens)
    }))
    .await;
    for (turn, tokens) in refreshed.iter().enumerate() {
        let person = if turn % 2 == 0 { &ada } else { &bob };
        assert_eq!(tokens.claims()["sub"], person.id);
    }
}

#[tokio::test]
async fn a_flood_of_logins_does_not_hold_up_refreshes() {
    let stack = Stack::any().start().await;
    let (ada, mut bob) = (stack.ada().await, stack.bob().await);
    let flood = join_all((0..60).map(|_| stack.auth.login(&ada.email, &ada.password, Transport::Body)));
    let meanwhile = async {
        let mut times = Vec::new();
        for _ in 0..11 {
            let (begun, lateness) = (Instant::now(), Lateness::from_now());
            bob.refresh().await;
            let took = begun.elapsed();
            // After a stall, refreshes are put off for as long again.
            assert!(took < Duration::from_secs(2) + 2 * lateness.so_far(), "a refresh took {took:?}");
            times.push(took);
        }
        times.sort();
        assert!(times[5] < Duration::from_secs(1), "half of the refreshes took longer than {:?}", times[5]);
    };
    let (logins, ()) = tokio::join!(flood, meanwhile);
    for login in &logins {
        if login.status != 200 {
            assert_is_problem(login);
            assert_eq!(login.status, 503, "not now, but never no\n{login}");
        }
    }
    assert!(logins.iter().any(|login| login.status == 200), "some get through");
}
