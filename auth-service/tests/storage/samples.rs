//! Accounts, sessions and keys to try the stores with.

use auth_service::domain::{
    account::{EmailAddress, Epoch, NewAccount, PersonName},
    audit::{Action, Event},
    counters::CounterKey,
    key_table::NewKey,
    password::PasswordHash,
    session::Lineage,
    sessions::{SessionRecord, UnsignedToken},
};
use serde_json::Map;
use shared::{
    clock::{Clock as _, SystemClock, Timestamp},
    ids::{SessionId, TokenId, UserId},
};
use std::time::Duration;

/// A commit that counts whenever it arrives.
pub const LATER: Timestamp = Timestamp::from_secs(1 << 40);

pub fn now() -> Timestamp {
    SystemClock.now()
}

/// Nobody else has it, so that tests can share a server.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", TokenId::fresh())
}

pub fn account() -> NewAccount {
    NewAccount {
        id: UserId::fresh(),
        email: EmailAddress::parse(&format!("{}@example.com", unique("ada"))).unwrap(),
        name: Some(PersonName::parse("Ada Lovelace").unwrap()),
        hash: PasswordHash("$argon2id$first".to_owned()),
        roles: vec!["reader".to_owned()],
        custom: Map::new(),
        created_at: now(),
        by: None,
    }
}

pub fn named(name: &str) -> NewAccount {
    NewAccount { name: Some(PersonName::parse(name).unwrap()), ..account() }
}

/// A session that began just now and has an hour to go.
pub fn session(sub: UserId) -> SessionRecord {
    session_for(sub, Duration::from_secs(3600))
}

pub fn session_for(sub: UserId, life: Duration) -> SessionRecord {
    let sid = SessionId::fresh();
    SessionRecord {
        sub,
        sid,
        lineage: Lineage::begin(TokenId::fresh()),
        epoch: Epoch(7),
        auth_time: now(),
        last_used: now(),
        expires_at: now().plus(life),
        ip: "2001:db8::1".to_owned(),
        user_agent: "Фокс/1.0 {\"quoted\"} \u{0} end".to_owned(),
        newest: UnsignedToken { key_id: "k1".to_owned(), signing_input: "aGVhZA.Y2xhaW1z".to_owned() },
    }
}

/// The session after one more rotation.
pub fn rotated(record: &SessionRecord) -> SessionRecord {
    let lineage = Lineage {
        generation: record.lineage.generation + 1,
        family: TokenId::fresh(),
        earlier: [Some(record.lineage.family), record.lineage.earlier[0]],
        rotated_at: Some(now()),
        adopted_at: None,
    };
    SessionRecord { lineage, last_used: now(), ..record.clone() }
}

pub fn counter() -> CounterKey {
    CounterKey(unique("counter"))
}

pub fn key(slot: i64) -> NewKey {
    NewKey {
        slot,
        kid: unique("kid"),
        jwk: r#"{"kty":"RSA"}"#.to_owned(),
        sealed: vec![0, 255, 1, 0, 128],
        lead: Duration::from_secs(24 * 3600),
        token_life: Duration::from_secs(900),
    }
}

pub fn event(action: Action) -> Event {
    Event::new(action, now())
}
