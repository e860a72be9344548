//! Whatever ends a session races a refresh of it, also while Redis is wiped again and again: an ended session never
//! refreshes again.

use crate::{
    ledger::{Ledger, PUT_OFF, RECORDS_LOST, REVIVED},
    size::size,
};
use futures_util::future::join_all;
use harness::{Answer, Http, Person, Stack, Storage, Tokens, eventually, person::fresh_password};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{join, time::sleep};

const REFRESH_FIRST: &str = "the refresh came first";
const REVOCATION_FIRST: &str = "the revocation came first";
const WIPES: &str = "FLUSHALLs";

/// The ways to end a session; each is a column.
const LOGOUT: &str = "logout";
const LOGOUT_ALL: &str = "logout-all";
const BY_ID: &str = "ended by its id";
const DISABLED: &str = "user disabled";
const BY_ADMIN: &str = "ended by an admin";
const PASSWORD: &str = "password changed";
const WAYS: [&str; 6] = [LOGOUT, LOGOUT_ALL, BY_ID, DISABLED, BY_ADMIN, PASSWORD];

const RECOVERY: Duration = Duration::from_secs(20);
const USERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    run("revocations, embedded", Storage::Embedded, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres() {
    run("revocations, Redis and PostgreSQL", Storage::RedisAndPostgres, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_wiped() {
    run("revocations, Redis wiped", Storage::RedisAndPostgres, true).await;
}

async fn run(name: &str, storage: Storage, is_wiped: bool) {
    let ledger = Ledger::default();
    let mut stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").start_auth().await;
    let is_over = AtomicBool::new(false);
    let mut wiper = is_wiped.then(|| stack.take_redis());
    let wipe = async {
        while let Some(redis) = wiper.as_mut().filter(|_| !is_over.load(Ordering::Relaxed)) {
            ledger.add(RECORDS_LOST, redis.generations().len() as u64);
            redis.flush();
            ledger.add(WIPES, 1);
            sleep(Duration::from_millis(fastrand::u64(0..30))).await;
        }
    };
    let races = async {
        let admin = stack.admin().await;
        join_all((0..USERS).map(|_| one_after_another(&stack, &admin, &ledger))).await;
        is_over.store(true, Ordering::Relaxed);
    };
    join!(wipe, races);
    let mut struck = [&WAYS[..], &[REFRESH_FIRST, REVOCATION_FIRST]].concat();
    if is_wiped {
        struck.extend([WIPES, RECORDS_LOST]);
    }
    ledger.conclude(name, &struck, &[REVIVED]);
}

/// One user's races; nothing that has ended comes back, though others of the user's sessions come and go.
async fn one_after_another(stack: &Stack, admin: &Person, ledger: &Ledger) {
    let mut person = stack.person("runner").await;
    let mut ended = Vec::new();
    for race in 0..size(20, 300) {
        let way = WAYS[race % WAYS.len()];
        ended.extend(one_race(stack, admin, &mut person, way, ledger).await);
        // Old ones show nothing new.
        let recent = ended.len().saturating_sub(8);
        for tokens in ended.drain(recent..).collect::<Vec<_>>() {
            must_have_ended(&stack.auth, &tokens, ledger).await;
            ended.push(tokens);
        }
    }
}

/// Returns the tokens that the race leaves behind.
async fn one_race(
    stack: &Stack,
    admin: &Person,
    person: &mut Person,
    way: &'static str,
    ledger: &Ledger,
) -> Vec<Tokens> {
    let auth: &Http = &stack.auth;
    // A user may have been disabled in the race before; then this session is new as well.
    let own = person.another_device().await;
    let raced = person.another_device().await;
    let new_password = fresh_password();
    // A password change takes as long as its hashes.
    let (refresh_by, revoke_by) = if way == PASSWORD { (250, 1) } else { (12, 12) };
    let refresh = async {
        sleep(Duration::from_micros(fastrand::u64(0..refresh_by * 1000))).await;
        auth.once().refresh(&raced).await
    };
    let revocation = async {
        sleep(Duration::from_micros(fastrand::u64(0..revoke_by * 1000))).await;
        let revoke = async || match way {
            LOGOUT => auth.logout(&raced).await,
            LOGOUT_ALL => auth.logout_all(&own).await,
            BY_ID => auth.end_session(&own, &raced.session_id).await,
            DISABLED => auth.change_user(&admin.tokens, &person.id, &json!({ "disabled": true })).await,
            BY_ADMIN => auth.end_sessions_of(&admin.tokens, &person.id).await,
            _ => auth.change_password(&own, &person.password, &new_password).await,
        };
        let first = revoke().await;
        // A request that was answered 503 may have taken effect: then its repetition may be refused.
        let (was_heard, revoked) = match first.status {
            503 => (true, answered(revoke).await),
            _ => (false, first),
        };
        let is_done = [200, 204].contains(&revoked.status) || (was_heard && [401, 403].contains(&revoked.status));
        assert!(is_done, "{way}\n{revoked}");
    };
    let (refreshed, ()) = join!(refresh, revocation);
    ledger.add(way, 1);
    match way {
        DISABLED => {
            auth.change_user(&admin.tokens, &person.id, &json!({ "disabled": false })).await.expect(200);
        }
        PASSWORD => person.password = new_password,
        _ => {}
    }
    let mut left = vec![raced];
    left.extend(came_first(&refreshed, ledger));
    left
}

/// The tokens that a refresh got before the revocation.
fn came_first(refreshed: &Answer, ledger: &Ledger) -> Option<Tokens> {
    match refreshed.status {
        200 => {
            ledger.add(REFRESH_FIRST, 1);
            return Some(refreshed.tokens());
        }
        401 => ledger.add(REVOCATION_FIRST, 1),
        503 => ledger.add(PUT_OFF, 1),
        _ => panic!("neither tokens nor a refusal\n{refreshed}"),
    }
    None
}

async fn must_have_ended(auth: &Http, tokens: &Tokens, ledger: &Ledger) {
    let answer = auth.refresh(tokens).await;
    if answer.status != 401 {
        ledger.incident(REVIVED, answer.to_string());
    }
}

/// The first answer that is not 503.
async fn answered(ask: impl AsyncFn() -> Answer) -> Answer {
    eventually("an answer", RECOVERY, async || Some(ask().await).filter(|answer| answer.status != 503)).await
}
