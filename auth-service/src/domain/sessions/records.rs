//! The records of refresh sessions: sealed on the way to the store, opened on the way back. A record that fails its
//! check counts as lost, as if the store had no such session.

use super::{
    record::{NoRecord, SessionRecord},
    store::{Change, Commit, Sealed, SessionStore},
};
use crate::{
    domain::{Unavailable, secrets::KeyRing},
    metrics::RECORDS_REFUSED,
};
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The shortest time between two warnings: whoever tampers with one record tampers with many.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The session store, and the secrets that its records are checked with.
pub struct Records {
    store: Arc<dyn SessionStore>,
    secrets: Arc<KeyRing>,
    warned: Mutex<Option<Instant>>,
}

/// A session as read from the store.
#[derive(Debug, Clone)]
pub struct Found {
    /// The session's record, if the store has one that passes the check.
    pub record: Option<SessionRecord>,
    /// The time on the clock that all replicas share: the store's.
    pub now: Timestamp,
    /// What the store holds, even if it is not a valid record.
    held: Option<Sealed>,
}

impl Records {
    /// The records in this store.
    #[must_use]
    pub fn new(store: Arc<dyn SessionStore>, secrets: Arc<KeyRing>) -> Self {
        Self { store, secrets, warned: Mutex::default() }
    }

    /// Reads a session and the time.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn read(&self, sub: UserId, sid: SessionId) -> Result<Found, Unavailable> {
        let snapshot = self.store.read(sub, sid).await?;
        let record = snapshot.sealed.as_ref().and_then(|sealed| self.opened(sealed, sub, sid));
        Ok(Found { record, now: snapshot.now, held: snapshot.sealed })
    }

    /// Writes the record of a session that begins.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn begin(&self, record: &SessionRecord) -> Result<Commit, Unavailable> {
        self.write(None, record, record.expires_at()).await
    }

    /// Writes a session's next record if the store still holds what was read and its own clock has not passed
    /// `not_after`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn commit(
        &self,
        found: &Found,
        next: &SessionRecord,
        not_after: Timestamp,
    ) -> Result<Commit, Unavailable> {
        self.write(found.held.as_ref(), next, not_after).await
    }

    async fn write(
        &self,
        expected: Option<&Sealed>,
        record: &SessionRecord,
        not_after: Timestamp,
    ) -> Result<Commit, Unavailable> {
        let sealed = record.sealed(&self.secrets).ok_or_else(|| Unavailable {
            store: "session store",
            cause: "a record of a secret that is not available".to_owned(),
        })?;
        let change = Change {
            sub: record.sub,
            sid: record.sid,
            expected,
            next: &sealed,
            expires_at: record.expires_at(),
            not_after,
        };
        self.store.commit(&change).await
    }

    /// Removes a session; it is not an error if there is none.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn remove(&self, sub: UserId, sid: SessionId) -> Result<(), Unavailable> {
        self.store.remove(sub, sid).await
    }

    /// Removes all sessions of a user, except one if given.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn remove_all(&self, sub: UserId, except: Option<SessionId>) -> Result<(), Unavailable> {
        self.store.remove_all(sub, except).await
    }

    /// The user's sessions that the store has and that have not expired, in any order.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of_user(&self, sub: UserId) -> Result<Vec<SessionRecord>, Unavailable> {
        let held = self.store.of_user(sub).await?;
        Ok(held.iter().filter_map(|(sid, sealed)| self.opened(sealed, sub, *sid)).collect())
    }

    /// Whether the user may have one more session: not in a store that is nearly full.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn has_room(&self, sub: UserId) -> Result<bool, Unavailable> {
        self.store.has_room(sub).await
    }

    /// Deletes a bounded batch of sessions that expired before `now`; returns how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        self.store.forget_expired(now, at_most).await
    }

    /// Succeeds if the store can be reached and accepts what requests write. It tries a write, which leaves nothing
    /// behind.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn probe(&self) -> Result<(), Unavailable> {
        self.store.probe().await
    }

    fn opened(&self, sealed: &Sealed, sub: UserId, sid: SessionId) -> Option<SessionRecord> {
        let opened = SessionRecord::opened(sealed, sub, sid, &self.secrets);
        opened.map_err(|reason| self.refuse(reason, sub, sid)).ok()
    }

    fn refuse(&self, reason: NoRecord, sub: UserId, sid: SessionId) {
        RECORDS_REFUSED.add(reason.name());
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
            *warned = Some(Instant::now());
            tracing::warn!(
                %sub, %sid, %reason,
                "a record in the session store was rejected: it counts as lost, and its session continues from its token. Does another program write to the store?"
            );
        }
    }
}
