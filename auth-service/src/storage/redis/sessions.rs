//! Sessions in Redis: a hash for each user, with a field for each session. Redis drops the hash when its last
//! session has expired; until then, expired sessions are removed when a new one begins.
//!
//! A value is the time of its expiry (milliseconds, eight bytes, big-endian), followed by the record. A field is the
//! session's id in sixteen bytes.

use super::{
    RedisStores,
    engine::script::{Call, Script, script},
};
use crate::domain::{
    Unavailable,
    sessions::store::{Change, Commit, Sealed, SessionStore, Snapshot},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

static READ: Script = script!("foreign.lua", "read.lua");
static COMMIT: Script = script!("foreign.lua", "commit.lua");
static REMOVE: Script = script!("foreign.lua", "remove.lua");
static REMOVE_ALL: Script = script!("foreign.lua", "remove_all.lua");
static OF_USER: Script = script!("foreign.lua", "of_user.lua");
static HAS_ROOM: Script = script!("room.lua", "has_room.lua");
static PROBE: Script = script!("probe.lua");

/// Length of the time of expiry, which precedes the record.
const EXPIRY_BYTES: usize = 8;

#[async_trait]
impl SessionStore for RedisStores {
    async fn read(&self, sub: UserId, sid: SessionId) -> Result<Snapshot, Unavailable> {
        let (value, now): (Option<Vec<u8>>, i64) = self.ask(&READ.on(&[&key(sub)], &[&sid.to_bytes()])).await?;
        let now = Timestamp::from_millis(now);
        let sealed = value.and_then(|value| Sealed::in_value(&value, now));
        Ok(Snapshot { sealed, now })
    }

    async fn commit(&self, change: &Change<'_>) -> Result<Commit, Unavailable> {
        let expires_at = change.expires_at.millis();
        let next = [&expires_at.max(0).to_be_bytes()[..], &change.next.0].concat();
        let call = COMMIT.on(
            &[&key(change.sub)],
            &[
                &change.sid.to_bytes(),
                change.expected.map_or(b"", |expected| &expected.0),
                &next,
                change.not_after.millis().to_string().as_bytes(),
            ],
        );
        let is_done: bool = self.ask(&call).await?;
        Ok(if is_done { Commit::Done } else { Commit::Conflict })
    }

    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable> {
        self.ask(&REMOVE.on(&[&key(sub)], &[&sid.to_bytes()])).await
    }

    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable> {
        let except = except.map(SessionId::to_bytes);
        self.ask(&REMOVE_ALL.on(&[&key(sub)], &[except.as_ref().map_or(b"", |sid| &sid[..])])).await
    }

    async fn of_user(&self, sub: UserId) -> Result<Vec<(SessionId, Sealed)>, Unavailable> {
        let (pairs, now): (Vec<Vec<u8>>, i64) = self.ask(&OF_USER.on(&[&key(sub)], &[])).await?;
        let now = Timestamp::from_millis(now);
        let (pairs, _) = pairs.as_chunks::<2>();
        Ok(pairs
            .iter()
            .filter_map(|[field, value]| {
                let sid = SessionId::from_bytes(field.as_slice().try_into().ok()?);
                Some((sid, Sealed::in_value(value, now)?))
            })
            .collect())
    }

    async fn has_room(&self, sub: UserId) -> Result<bool, Unavailable> {
        self.ask(&HAS_ROOM.on(&[&key(sub)], &[])).await
    }

    async fn forget_expired(&self, _now: Timestamp, _at_most: u32) -> Result<u64, Unavailable> {
        Ok(0)
    }

    async fn probe(&self) -> Result<(), Unavailable> {
        self.ask::<()>(&Call::ping()).await?;
        self.ask::<()>(&PROBE.on(&["jeton:{probe}:text", "jeton:{probe}:hash"], &[])).await?;
        self.refusals.are_over();
        Ok(())
    }
}

impl Sealed {
    /// The record in a value, unless it has expired.
    fn in_value(value: &[u8], now: Timestamp) -> Option<Self> {
        let (expires_at, record) = value.split_first_chunk::<EXPIRY_BYTES>()?;
        // Unsigned, as the scripts read it: another program may have written it.
        let is_over = u64::from_be_bytes(*expires_at) <= now.millis().max(0).cast_unsigned();
        (!is_over).then(|| Self(record.to_vec()))
    }
}

/// Earlier versions have other keys, which begin with this one: replicas of either version leave the other's keys
/// alone.
fn key(sub: UserId) -> String {
    format!("jeton:{{{sub}}}")
}
