//! Sessions in Redis: one text each, `<gen> <fam> <record as JSON>`, so that a comparison need not parse it, and an index
//! for each user. Redis forgets both by itself.

use super::{
    RedisStores,
    script::{Call, Script, script},
    unavailable,
};
use crate::domain::{
    Unavailable,
    sessions::{Commit, Expected, SessionRecord, Sessions, Snapshot},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId, UserId},
};

static READ: Script = script!("read.lua");
static COMMIT: Script = script!("commit.lua");
static REMOVE: Script = script!("remove.lua");
static REMOVE_ALL: Script = script!("remove_all.lua");
static OF_USER: Script = script!("of_user.lua");
static HAS_ROOM: Script = script!("room.lua", "has_room.lua");
static PROBE: Script = script!("probe.lua");

#[async_trait]
impl Sessions for RedisStores {
    async fn read(&self, sub: UserId, sid: SessionId) -> Result<Snapshot, Unavailable> {
        let (text, now): (Option<String>, i64) = self.ask(&READ.on(&[&session_key(sub, sid)], &[])).await?;
        let record = text.map(|text| record_in(&text)).transpose()?;
        Ok(Snapshot { record, now: Timestamp::from_millis(now) })
    }

    async fn commit(
        &self,
        expected: Expected,
        record: &SessionRecord,
        not_after: Timestamp,
    ) -> Result<Commit, Unavailable> {
        let begins_with = match expected {
            Expected::Absent => String::new(),
            Expected::At { generation, family } => beginning(generation, family),
        };
        let call = COMMIT.on(
            &[&session_key(record.sub, record.sid), &index_key(record.sub)],
            &[
                &begins_with,
                &text_of(record)?,
                &record.expires_at.millis().to_string(),
                &record.sid.to_string(),
                &not_after.millis().to_string(),
            ],
        );
        let is_done: bool = self.ask(&call).await?;
        Ok(if is_done { Commit::Done } else { Commit::Conflict })
    }

    async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable> {
        self.ask(&REMOVE.on(&[&session_key(sub, sid), &index_key(sub)], &[&sid.to_string()])).await
    }

    async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable> {
        let except = except.map(|sid| sid.to_string()).unwrap_or_default();
        self.ask(&REMOVE_ALL.on(&[&index_key(sub)], &[&session_keys(sub), &except])).await
    }

    async fn of_user(&self, sub: UserId) -> Result<Vec<SessionRecord>, Unavailable> {
        let texts: Vec<String> = self.ask(&OF_USER.on(&[&index_key(sub)], &[&session_keys(sub)])).await?;
        texts.iter().map(|text| record_in(text)).collect()
    }

    async fn has_room(&self, sub: UserId) -> Result<bool, Unavailable> {
        self.ask(&HAS_ROOM.on(&[&index_key(sub)], &[])).await
    }

    async fn forget_expired(&self, _now: Timestamp, _at_most: u32) -> Result<u64, Unavailable> {
        Ok(0)
    }

    async fn probe(&self) -> Result<(), Unavailable> {
        self.ask::<()>(&Call::ping()).await?;
        self.ask::<()>(&PROBE.on(&["jeton:{probe}:text", "jeton:{probe}:set"], &[])).await?;
        self.refusals.are_over();
        Ok(())
    }
}

fn session_key(sub: UserId, sid: SessionId) -> String {
    format!("jeton:{{{sub}}}:session:{sid}")
}

/// What the keys of a user's sessions begin with.
fn session_keys(sub: UserId) -> String {
    format!("jeton:{{{sub}}}:session:")
}

fn index_key(sub: UserId) -> String {
    format!("jeton:{{{sub}}}:sessions")
}

fn beginning(generation: u64, family: TokenId) -> String {
    format!("{generation} {family} ")
}

fn text_of(record: &SessionRecord) -> Result<String, Unavailable> {
    let json = serde_json::to_string(record).map_err(|_| unavailable("a session cannot be written as JSON"))?;
    Ok(beginning(record.lineage.generation, record.lineage.family) + &json)
}

/// The record begins where its JSON does: neither a number nor an id holds a brace.
fn record_in(text: &str) -> Result<SessionRecord, Unavailable> {
    let json = text.find('{').map_or("", |begin| &text[begin..]);
    serde_json::from_str(json).map_err(|_| unavailable("a session cannot be read"))
}
