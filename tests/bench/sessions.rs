//! Whether a million sessions make a refresh slower, and how much memory one takes in Redis.

use crate::{
    crowd::Crowd,
    outcomes::Outcomes,
    report::{Goal, Report},
};
use auth_service::{
    domain::{
        accounts::Epoch,
        secrets::{KeyRing, RootSecret},
        sessions::{
            methods::Method,
            record::{NewestToken, SessionRecord},
            records::Records,
            refresh_token::Transport,
            rules::Lineage,
            store::Commit,
        },
    },
    storage::redis::RedisStores,
};
use futures_util::{StreamExt as _, stream};
use harness::{Stack, Storage, service::Service};
use shared::{
    clock::{Clock as _, SystemClock},
    ids::{SessionId, TokenId, UserId},
};
use std::{sync::Arc, time::Duration};

const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
/// How many are written at the same time.
const AT_ONCE: usize = 64;
const CLIENTS: usize = 16;
const TIMES: usize = 100;
const ROUNDS: usize = 8;

pub(crate) async fn measure(report: &mut Report) {
    // Without a replay window, each refresh reads and replaces a record.
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_REPLAY_WINDOW", "0s");
    let mut stack = stack.start_auth().await;
    let (ada, port, url) = (stack.ada().await, stack.auth.port(), stack.redis().url());
    let redis = RedisStores::connect(&url).expect("the address of a running Redis");
    let secret = RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}"));
    let secrets = Arc::new(KeyRing::new(&secret, None));
    let key_id = secrets.current().id().to_owned();
    let (redis, key_id) = (&Records::new(Arc::new(redis), secrets), &*key_id);
    fill(redis, key_id, FEW).await;
    let few = rate(&stack.auth, Crowd::of(&ada, port, CLIENTS).await).await;
    let before = memory(&url);
    fill(redis, key_id, MANY - FEW).await;
    let each = (memory(&url) - before) / (MANY - FEW) as f64;
    let many = rate(&stack.auth, Crowd::of(&ada, port, CLIENTS).await).await;
    report.detail(&format!("{few:.0} rotations/s at 10³ sessions, {many:.0} at 10⁶, {each:.0} bytes of Redis each"));
    report.row("rotations/s at 10⁶ sessions ÷ at 10³", many / few, "", Goal::AtLeast(0.90));
}

/// Rotations per second in the best round: what else a machine does makes any of them slower.
async fn rate(auth: &Service, mut crowd: Crowd) -> f64 {
    let (counted, mut best) = (Outcomes::of(auth).await, Duration::MAX);
    for _ in 0..ROUNDS {
        best = best.min(crowd.refresh(TIMES).await);
    }
    counted.assert_since(auth, "rotated", crowd.refreshes(TIMES) * ROUNDS).await;
    crowd.refreshes(TIMES) as f64 / best.as_secs_f64()
}

async fn fill(redis: &Records, key_id: &str, sessions: usize) {
    let write = async |_| {
        let written = redis.begin(&session(key_id)).await;
        assert_eq!(written.expect("Redis answers"), Commit::Done);
    };
    stream::iter(0..sessions).map(write).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// Like a browser's session after its first refresh.
fn session(key_id: &str) -> SessionRecord {
    let now = SystemClock.now();
    SessionRecord {
        sub: UserId::fresh(),
        sid: SessionId::fresh(),
        lineage: Lineage::begin(TokenId::fresh()),
        epoch: Epoch(0),
        auth_time: now,
        methods: Method::Password.into(),
        transport: Transport::Cookie,
        newest: NewestToken {
            id: TokenId::fresh(),
            key_id: key_id.to_owned(),
            issued_at: now.secs(),
            expires_at: now.secs() + 3600,
        },
        last_used: now,
        shown_used: now,
        ip: [203, 0, 113, 195].into(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
    }
}

/// The memory that Redis takes, in bytes.
fn memory(url: &str) -> f64 {
    let mut connection = redis::Client::open(url).and_then(|client| client.get_connection()).expect("Redis runs");
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query(&mut connection).expect("Redis answers");
    info.get("used_memory").expect("Redis says what it takes")
}
