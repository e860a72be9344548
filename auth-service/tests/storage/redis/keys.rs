//! What is left in Redis.

use crate::{
    samples::{LATER, change, counter, now, rotated, session, session_for},
    servers,
};
use auth_service::{
    domain::{
        accounts::Epoch,
        secrets::{KeyRing, RootSecret},
        sessions::{
            methods::{Method, Methods},
            record::{NewestToken, SessionRecord},
            records::Records,
            refresh_token::Transport,
            rules::Lineage,
            store::{Commit, SessionStore},
        },
        throttling::counters::Counters as _,
    },
    storage::redis::RedisStores,
};
use harness::{eventually, redis::Redis};
use redis::{Client, Commands as _, Connection, cmd};
use shared::ids::{SessionId, TokenId, UserId};
use std::{sync::Arc, time::Duration};

fn raw(redis: &Redis) -> Connection {
    Client::open(redis.url()).unwrap().get_connection().unwrap()
}

fn store_on(redis: &Redis) -> RedisStores {
    RedisStores::connect(&redis.url()).unwrap()
}

#[tokio::test]
async fn all_sessions_of_a_user_share_a_key_and_end_by_themselves() {
    let redis = Redis::start();
    let (store, sub) = (store_on(&redis), UserId::fresh());
    for session in [session(sub), session(sub)] {
        assert_eq!(store.commit(&change(None, &session, LATER)).await.unwrap(), Commit::Done);
    }
    store.add(&[counter()], Duration::from_secs(60)).await.unwrap();
    let mut raw = raw(&redis);
    let keys: Vec<String> = raw.keys("*").unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(key == format!("jeton:{{{sub}}}") || key.starts_with("jeton:count:"), "{key}");
        let left: i64 = raw.pttl(&key).unwrap();
        assert!(left > 0, "{key} never ends");
    }
}

#[tokio::test]
async fn the_key_of_a_user_holds_only_live_sessions() {
    let redis = Redis::start();
    let (store, sub) = (store_on(&redis), UserId::fresh());
    let lasting = [session(sub), session(sub)];
    assert_eq!(store.commit(&change(None, &lasting[0], LATER)).await.unwrap(), Commit::Done);
    let mut last = now();
    for _ in 0..100 {
        let brief = session_for(sub, Duration::from_millis(20));
        last = brief.expires_at;
        assert_eq!(store.commit(&change(None, &brief, LATER)).await.unwrap(), Commit::Done);
    }
    eventually("the last one expires", Duration::from_secs(2), || async { (now() > last).then_some(()) }).await;
    assert_eq!(store.commit(&change(None, &lasting[1], LATER)).await.unwrap(), Commit::Done);
    let members: i64 = raw(&redis).hlen(format!("jeton:{{{sub}}}")).unwrap();
    assert_eq!(members, 2);
}

/// The MEMORY USAGE of everything that a user with one session adds.
async fn room_of(user_agent: &str, ip: &str) -> u64 {
    let redis = Redis::start();
    let secret = RootSecret::parse(&RootSecret::generate()).unwrap();
    let secrets = Arc::new(KeyRing::new(&secret, None));
    let records = Records::new(Arc::new(store_on(&redis)), Arc::clone(&secrets));
    let now = now();
    let session = SessionRecord {
        sub: UserId::fresh(),
        sid: SessionId::fresh(),
        lineage: Lineage {
            generation: 2_880,
            family: TokenId::fresh(),
            earlier: [Some(TokenId::fresh()), Some(TokenId::fresh())],
            rotated_at: Some(now),
            adopted_at: Some(now.minus(Duration::from_secs(20 * 24 * 3600))),
            adopted_recent: false,
            retries: 1,
        },
        epoch: Epoch(now.millis()),
        auth_time: now.minus(Duration::from_secs(25 * 24 * 3600)),
        methods: Methods::from(Method::Password).and(Method::Totp),
        transport: Transport::Cookie,
        newest: NewestToken {
            id: TokenId::fresh(),
            key_id: secrets.current().id().to_owned(),
            issued_at: now.secs(),
            expires_at: now.plus(Duration::from_secs(5 * 24 * 3600)).secs(),
        },
        last_used: now,
        shown_used: now.minus(Duration::from_secs(3 * 24 * 3600)),
        ip: ip.parse().unwrap(),
        user_agent: user_agent.to_owned(),
    };
    assert_eq!(records.begin(&session).await.unwrap(), Commit::Done);
    let mut raw = raw(&redis);
    let keys: Vec<String> = raw.keys("*").unwrap();
    keys.iter().map(|key| cmd("MEMORY").arg("USAGE").arg(key).query::<u64>(&mut raw).unwrap()).sum()
}

#[tokio::test]
async fn a_session_of_a_usual_browser_takes_at_most_500_bytes_however_long_it_lives() {
    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
    const LESS_USUAL: &str = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/127.0.0.0";
    for (user_agent, ip) in
        [(CHROME, "203.0.113.195"), (CHROME, "2001:db8:85a3::8a2e:370:7334"), (LESS_USUAL, "2001:db8::1")]
    {
        let room = room_of(user_agent, ip).await;
        println!("{room} bytes for {user_agent} at {ip}");
        assert!(room <= 500, "{room} bytes for {user_agent} at {ip}");
    }
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_gets_them_again() {
    let redis = Redis::start();
    let (store, record) = (store_on(&redis), session(UserId::fresh()));
    assert_eq!(store.commit(&change(None, &record, LATER)).await.unwrap(), Commit::Done);
    cmd("SCRIPT").arg("FLUSH").exec(&mut raw(&redis)).unwrap();
    assert_eq!(SessionStore::read(&store, record.sub, record.sid).await.unwrap().sealed.as_ref(), Some(&record.sealed));
    assert_eq!(store.commit(&change(Some(&record), &rotated(&record), LATER)).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn repeating_a_commit_whose_answer_was_lost_succeeds() {
    let store = servers::redis().await;
    let first = session(UserId::fresh());
    let second = rotated(&first);
    for _ in 0..2 {
        assert_eq!(store.commit(&change(None, &first, LATER)).await.unwrap(), Commit::Done);
    }
    for _ in 0..2 {
        assert_eq!(store.commit(&change(Some(&first), &second, LATER)).await.unwrap(), Commit::Done);
    }
    assert_eq!(store.commit(&change(None, &first, LATER)).await.unwrap(), Commit::Conflict);
}
