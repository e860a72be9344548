//! Redis forgets: nobody is logged out, and what has ended stays ended.

use futures_util::future::join_all;
use harness::{Person, Stack, Storage, assert_problem, person::fresh_password};
use redis::{Commands as _, Connection};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

with_redis! {
    wiping_the_store_logs_nobody_out,
    what_had_ended_before_the_store_was_wiped_stays_ended,
    a_session_can_be_ended_by_its_id_after_the_store_was_wiped,
    parallel_refreshes_after_a_wipe_agree_on_one_token,
    a_restart_of_the_store_without_its_data_logs_nobody_out,
    lost_writes_log_nobody_out,
    after_a_wipe_reuse_of_an_old_token_is_still_detected,
    after_a_wipe_reuse_of_a_very_old_token_is_detected_even_right_after_a_refresh,
    a_foreign_or_forged_record_counts_as_lost,
    a_logout_while_the_store_is_down_makes_room_for_the_next_login,
    a_value_of_another_type_in_place_of_a_users_sessions_logs_nobody_out,
}

async fn wiping_the_store_logs_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let (mut ada, browser) = (stack.ada().await, stack.ada_in_a_browser().await);
    let mut tokens = browser.tokens;
    for _ in 0..3 {
        stack.redis().flush();
        ada.refresh().await;
        tokens = stack.auth.refresh(&tokens).await.tokens();
        stack.auth.me(&ada.tokens).await.expect(200);
    }
}

async fn what_had_ended_before_the_store_was_wiped_stays_ended(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (logged_out, everywhere) = (stack.ada().await, stack.ada().await);
    let (mut changed, mut stolen) = (stack.ada().await, stack.ada().await);
    stack.auth.logout(&logged_out.tokens).await.expect(204);
    stack.auth.logout_all(&everywhere.tokens).await.expect(204);
    let phone = changed.another_device().await;
    stack.auth.change_password(&changed.tokens, &changed.password, &fresh_password()).await.expect(204);
    let old = stolen.tokens.clone();
    stolen.refresh().await;
    stolen.refresh().await;
    assert_problem(&stack.auth.refresh(&old).await, 401, "refresh_reused");

    for _ in 0..2 {
        stack.redis().flush();
        for tokens in [&logged_out.tokens, &everywhere.tokens, &phone, &stolen.tokens, &old] {
            assert_problem(&stack.auth.refresh(tokens).await, 401, "session_ended");
        }
        changed.refresh().await;
    }
}

async fn a_logout_while_the_store_is_down_makes_room_for_the_next_login(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_MAX_SESSIONS", "2").start().await;
    let mut ada = stack.ada().await;
    let phone = ada.another_device().await;
    stack.redis().save();
    stack.redis().kill();
    stack.auth.logout(&phone).await.expect(204);
    stack.redis().restart();
    let tablet = ada.another_device().await;
    ada.refresh().await;
    let tablet = stack.auth.refreshed(&tablet).await;
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    let laptop = ada.another_device().await;
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    for tokens in [&tablet, &laptop] {
        stack.auth.refreshed(tokens).await;
    }
}

async fn a_value_of_another_type_in_place_of_a_users_sessions_logs_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    let mut redis = redis::Client::open(stack.redis().url()).and_then(|client| client.get_connection()).expect("Redis");
    let key = format!("jeton:{{{}}}", ada.id);
    let spoil = |redis: &mut Connection| redis.set::<_, _, ()>(&key, "x").expect("Redis obeys");
    spoil(&mut redis);
    ada.refresh().await;
    spoil(&mut redis);
    let phone = ada.another_device().await;
    spoil(&mut redis);
    stack.auth.logout(&phone).await.expect(204);
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
}

async fn a_session_can_be_ended_by_its_id_after_the_store_was_wiped(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    let (phone, tablet) = (ada.another_device().await, ada.another_device().await);
    stack.redis().flush();
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    stack.auth.logout(&tablet).await.expect(204);
    assert_problem(&stack.auth.refresh(&tablet).await, 401, "session_ended");
    stack.auth.refresh(&ada.tokens).await.tokens();
}

async fn parallel_refreshes_after_a_wipe_agree_on_one_token(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.redis().flush();
    let refreshed = join_all((0..20).map(|_| stack.auth.refreshed(&ada.tokens))).await;
    for tokens in &refreshed {
        assert_eq!(tokens.refresh, refreshed[0].refresh);
    }
}

async fn a_restart_of_the_store_without_its_data_logs_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.redis().restart();
    ada.tokens = super::outages::refreshed_within_two_seconds(&stack, &ada.tokens).await;
    ada.refresh().await;
}

async fn lost_writes_log_nobody_out(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.redis().save();
    for _ in 0..4 {
        ada.refresh().await;
    }
    stack.redis().restart();
    ada.tokens = super::outages::refreshed_within_two_seconds(&stack, &ada.tokens).await;
    for _ in 0..4 {
        ada.refresh().await;
    }
}

async fn after_a_wipe_reuse_of_an_old_token_is_still_detected(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;
    stack.redis().flush();
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}

/// Two windows, the second by which times in tokens are rounded, and a little.
const LONG_AGO: Duration = Duration::from_millis(3200);

async fn after_a_wipe_reuse_of_a_very_old_token_is_detected_even_right_after_a_refresh(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "1s").start().await;
    let mut ada = stack.ada().await;
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    sleep(LONG_AGO).await;
    stack.redis().flush();
    ada.refresh().await;
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "refresh_reused");
}

/// The key of a user's sessions in Redis, the field of the current one, and its value.
fn stored(redis: &mut Connection, person: &Person) -> (String, Vec<u8>, Vec<u8>) {
    let key = format!("jeton:{{{}}}", person.id);
    let field = Uuid::parse_str(&person.tokens.session_id).expect("an id").into_bytes().to_vec();
    let value = redis.hget(&key, &field).expect("the session is there");
    (key, field, value)
}

/// Whoever can write to the store can neither impersonate anyone nor log anyone out.
async fn a_foreign_or_forged_record_counts_as_lost(storage: Storage) {
    let mut stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (mut ada, mut admin) = (stack.ada().await, stack.admin().await);
    ada.refresh().await;
    admin.refresh().await;
    let client = redis::Client::open(stack.redis().url()).expect("a URL");
    let mut redis = client.get_connection().expect("Redis answers");
    let (_, _, of_admin) = stored(&mut redis, &admin);
    let (key, field, own) = stored(&mut redis, &ada);
    let mut other_expiry = own.clone();
    other_expiry[..8].copy_from_slice(&i64::MAX.to_be_bytes());
    let flipped: Vec<Vec<u8>> = (8..own.len())
        .step_by(7)
        .map(|place| {
            let mut flipped = own.clone();
            flipped[place] ^= 1;
            flipped
        })
        .collect();
    let worthless = [of_admin, b"".to_vec(), b"x".to_vec(), vec![0; 8], vec![255; 300], own[..40].to_vec()];
    for value in worthless.into_iter().chain(flipped).chain([other_expiry]) {
        let () = redis.hset(&key, &field, value).expect("Redis obeys");
        stack.auth.sessions(&ada.tokens).await.expect(200);
        ada.refresh().await;
        let claims = ada.tokens.refresh_claims();
        assert_eq!((&claims["sub"], &claims["sid"]), (&ada.id.clone().into(), &ada.tokens.session_id.clone().into()));
        assert_eq!(stack.auth.me(&ada.tokens).await.expect(200)["roles"], serde_json::json!(["reader"]));
    }
    let log = stack.auth.log();
    assert_eq!(log.matches("a record in the session store was rejected").count(), 1, "one line for many");
}
