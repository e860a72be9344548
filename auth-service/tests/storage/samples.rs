//! Accounts, sessions and keys to try the stores with.

use auth_service::domain::{
    Language,
    accounts::{EmailAddress, NewAccount, PersonName},
    audit::{Action, Event},
    keys::table::NewKey,
    mail::{MailKind, SealedMail},
    passwords::PasswordHash,
    sessions::store::{Change, Sealed},
    throttling::counters::CounterKey,
};
use serde_json::Map;
use shared::{
    clock::{Clock as _, SystemClock, Timestamp},
    ids::{MailId, SessionId, TokenId, UserId},
};
use std::time::Duration;

/// The deadline of a commit that is in time whenever it arrives.
pub const LATER: Timestamp = Timestamp::from_secs(1 << 40);

pub fn now() -> Timestamp {
    SystemClock.now()
}

/// Used only once, so that tests can share a server.
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
        email_verified_at: None,
        language: Some(Language::Ukrainian),
        by: None,
    }
}

pub fn named(name: &str) -> NewAccount {
    NewAccount { name: Some(PersonName::parse(name).unwrap()), ..account() }
}

/// A session as a store sees it: any bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub sub: UserId,
    pub sid: SessionId,
    pub sealed: Sealed,
    pub expires_at: Timestamp,
}

/// A session that began just now and has an hour to go.
pub fn session(sub: UserId) -> Session {
    session_for(sub, Duration::from_secs(3600))
}

pub fn session_for(sub: UserId, life: Duration) -> Session {
    Session { sub, sid: SessionId::fresh(), sealed: sealed(1), expires_at: now().plus(life) }
}

/// Arbitrary bytes, followed by the number of the record in its session.
fn sealed(number: u64) -> Sealed {
    Sealed([&[0, 255, 13, 10, 0, 128][..], &TokenId::fresh().to_bytes(), &number.to_be_bytes()].concat())
}

/// The number of the record in its session.
pub fn number(sealed: &Sealed) -> u64 {
    u64::from_be_bytes(*sealed.0.last_chunk().unwrap())
}

/// The session with its next record.
pub fn rotated(session: &Session) -> Session {
    Session { sealed: sealed(number(&session.sealed) + 1), ..session.clone() }
}

/// From the one to the other; without the former, the session begins.
pub fn change<'a>(from: Option<&'a Session>, to: &'a Session, not_after: Timestamp) -> Change<'a> {
    Change {
        sub: to.sub,
        sid: to.sid,
        expected: from.map(|session| &session.sealed),
        next: &to.sealed,
        expires_at: to.expires_at,
        not_after,
    }
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

/// Content is any bytes to the store.
pub fn mail() -> SealedMail {
    SealedMail {
        id: MailId::fresh(),
        kind: MailKind::PasswordChanged,
        to: EmailAddress::parse("ada@example.com").unwrap(),
        language: Language::Ukrainian,
        created_at: now(),
        expires_at: now().plus(Duration::from_secs(3600)),
        sealed: vec![0, 255, 13, 10, 0, 128],
    }
}
