//! Whether a million sessions make a refresh slower, and what one takes in Redis.

use crate::{
    crowd::Crowd,
    report::{Goal, Report},
};
use auth_service::{
    domain::{
        account::Epoch,
        session::Lineage,
        sessions::{Commit, Expected, SessionRecord, Sessions as _, UnsignedToken},
    },
    storage::redis::RedisStores,
};
use futures_util::{StreamExt as _, stream};
use harness::{Stack, Storage};
use shared::{
    clock::{Clock as _, SystemClock, Timestamp},
    ids::{SessionId, TokenId, UserId},
};
use std::time::Duration;

const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
/// How many are written at the same time.
const AT_ONCE: usize = 64;
const CLIENTS: usize = 16;
const TIMES: usize = 100;
const ROUNDS: usize = 8;

pub(crate) async fn measure(report: &mut Report) {
    let mut stack = Stack::on(Storage::RedisAndPostgres).unlimited().start_auth().await;
    let (ada, port, url) = (stack.ada().await, stack.auth.port(), stack.redis().url());
    let redis = RedisStores::connect(&url).expect("the address of a running Redis");
    fill(&redis, FEW).await;
    let few = rate(Crowd::of(&ada, port, CLIENTS).await).await;
    let before = memory(&url);
    fill(&redis, MANY - FEW).await;
    let each = (memory(&url) - before) / (MANY - FEW) as f64;
    let many = rate(Crowd::of(&ada, port, CLIENTS).await).await;
    report.detail(&format!("{few:.0} refreshes/s at 10³ sessions, {many:.0} at 10⁶, {each:.0} bytes of Redis each"));
    report.row("refreshes/s at 10⁶ sessions ÷ at 10³", many / few, "", Goal::AtLeast(0.90));
}

/// Refreshes per second in the best round: what else a machine does makes any of them slower.
async fn rate(mut crowd: Crowd) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(crowd.refresh(TIMES).await);
    }
    crowd.refreshes(TIMES) as f64 / best.as_secs_f64()
}

async fn fill(redis: &RedisStores, sessions: usize) {
    let write = async |_| {
        let session = session();
        let written = redis.commit(Expected::Absent, &session, Timestamp::from_secs(i64::MAX / 1_000)).await;
        assert_eq!(written.expect("Redis answers"), Commit::Done);
    };
    stream::iter(0..sessions).map(write).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// As a browser's is after its first refresh.
fn session() -> SessionRecord {
    let now = SystemClock.now();
    SessionRecord {
        sub: UserId::fresh(),
        sid: SessionId::fresh(),
        lineage: Lineage::begin(TokenId::fresh()),
        epoch: Epoch(0),
        auth_time: now,
        last_used: now,
        expires_at: now.plus(Duration::from_secs(3600)),
        ip: "203.0.113.195".to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        newest: UnsignedToken { key_id: "k".repeat(43), signing_input: "c".repeat(420) },
    }
}

/// What Redis takes, in bytes.
fn memory(url: &str) -> f64 {
    let mut connection = redis::Client::open(url).and_then(|client| client.get_connection()).expect("Redis runs");
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query(&mut connection).expect("Redis answers");
    info.get("used_memory").expect("Redis says what it takes")
}
