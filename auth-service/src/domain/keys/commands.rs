//! What operators can do with signing keys: list them, and replace the current one in time, early, or at once.

use super::{
    KeyError, SigningKeys,
    schedule::{KeyState, Schedule},
    table::KeyRows,
};
use crate::domain::Unavailable;
use shared::clock::Timestamp;
use std::time::Duration;

/// A signing key as operators see it.
#[derive(Debug, Clone)]
pub struct KeyStatus {
    /// Its thumbprint.
    pub kid: String,
    /// Its state.
    pub state: KeyState,
    /// When verifiers are first shown it.
    pub published_at: Timestamp,
    /// When it begins to sign.
    pub active_at: Timestamp,
    /// When verifiers are no longer shown it, if known.
    pub gone_at: Option<Timestamp>,
}

/// Why a command about keys was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    /// There is no such key.
    #[error("there is no key {0}: `auth-service keys list` shows them")]
    NoSuchKey(String),
    /// Only the key that signs can be retired.
    #[error("key {kid} is {state}: only the active one can be retired; `auth-service keys revoke` withdraws any", state = .state.name())]
    NotActive {
        /// The key's thumbprint.
        kid: String,
        /// Its state.
        state: KeyState,
    },
    /// The keys could not be read or created.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<Unavailable> for KeyCommandError {
    fn from(error: Unavailable) -> Self {
        Self::Key(error.into())
    }
}

impl SigningKeys {
    /// All signing keys, the newest last.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn statuses(&self) -> Result<Vec<KeyStatus>, Unavailable> {
        Ok(statuses(&self.table.keys().await?))
    }

    async fn found(&self, kid: &str) -> Result<KeyStatus, KeyCommandError> {
        let keys = self.statuses().await?;
        keys.into_iter().find(|key| key.kid == kid).ok_or_else(|| KeyCommandError::NoSuchKey(kid.to_owned()))
    }

    async fn first(&self, state: KeyState) -> Result<Option<KeyStatus>, Unavailable> {
        Ok(self.statuses().await?.into_iter().find(|key| key.state == state))
    }

    /// Publishes the next key, which signs after the usual lead; if there is one already, changes nothing. Returns that
    /// key.
    ///
    /// # Errors
    /// [`KeyCommandError`].
    pub async fn rotate(&self) -> Result<KeyStatus, KeyCommandError> {
        self.ensure_successor(self.policy().lead).await
    }

    /// Lets the next key sign as soon as every verifier has it, instead of after the usual lead. Returns that key.
    ///
    /// # Errors
    /// [`KeyCommandError`].
    pub async fn retire(&self, kid: &str) -> Result<KeyStatus, KeyCommandError> {
        let state = self.found(kid).await?.state;
        if state != KeyState::Active {
            return Err(KeyCommandError::NotActive { kid: kid.to_owned(), state });
        }
        self.ensure_successor(self.policy().shortest_lead()).await
    }

    /// Ensures that a successor follows the key that signs, at the latest `lead` after its publication.
    async fn ensure_successor(&self, lead: Duration) -> Result<KeyStatus, KeyCommandError> {
        let rows = self.table.keys().await?;
        let slot = match Schedule::at(&rows.keys, rows.now).pending() {
            Some(pending) => pending.slot,
            None => {
                let slot = rows.keys.last().map_or(0, |last| last.slot + 1);
                self.insert_if_vacant(slot, lead).await?;
                slot
            }
        };
        // It is planned for later, or another process filled the slot just now.
        self.table.activate_sooner(slot, lead).await?;
        self.reload().await?;
        let next = match self.first(KeyState::Pending).await? {
            Some(pending) => Some(pending),
            // Its time has already come.
            None => self.first(KeyState::Active).await?,
        };
        next.ok_or_else(|| KeyError::Malformed("the table has no key that may sign".to_owned()).into())
    }

    /// Revokes a key at once: nothing is signed with it any more, and verifiers drop it, and all tokens that it signed,
    /// within the cache time. If it was the key that signs, the next one signs at once. Returns the key that signs now.
    ///
    /// # Errors
    /// [`KeyCommandError`].
    pub async fn revoke(&self, kid: &str) -> Result<KeyStatus, KeyCommandError> {
        let revoked = self.found(kid).await?;
        if revoked.state == KeyState::Active {
            // The successor comes first, so that there is always a key that signs.
            self.ensure_successor(Duration::ZERO).await?;
        }
        let rows = self.table.keys().await?;
        if let Some(row) = rows.keys.iter().find(|row| row.kid == kid) {
            self.table.revoke(row.slot).await?;
        }
        self.reload().await?;
        let signing = self.first(KeyState::Active).await?;
        signing.ok_or_else(|| KeyError::Malformed("the table has no key that may sign".to_owned()).into())
    }
}

fn statuses(rows: &KeyRows) -> Vec<KeyStatus> {
    let schedule = Schedule::at(&rows.keys, rows.now);
    let status = |key| {
        let state = schedule.state(key);
        let gone_at = key.revoked_at.or_else(|| schedule.gone_at(key));
        KeyStatus { kid: key.kid.clone(), state, published_at: key.published_at, active_at: key.active_at, gone_at }
    };
    rows.keys.iter().map(status).collect()
}
