//! What admins do with users.

use super::{
    Auth, Unavailable,
    account::{Account, AccountChange, AccountQuery},
};
use serde_json::{Map, Value};
use shared::ids::UserId;
use std::collections::BTreeSet;

/// How many bytes of JSON a user's custom claims may have: they stand in every access token.
pub const MAX_CUSTOM_BYTES: usize = 1024;
/// How many roles a user may have.
const MAX_ROLES: usize = 16;

/// Why an admin's wish was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// A role that the roles file does not have, or too many of them.
    #[error("unknown role, or more than 16 of them")]
    UnknownRole,
    /// The custom claims are larger than [`MAX_CUSTOM_BYTES`].
    #[error("custom claims may have 1 KiB of JSON")]
    CustomTooLarge,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// A page of users, and where the next one begins, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn users(&self, query: AccountQuery) -> Result<(Vec<Account>, Option<UserId>), Unavailable> {
        let limit = query.limit;
        let mut users = self.accounts.page(&AccountQuery { limit: limit + 1, ..query }).await?;
        let has_more = users.len() > limit as usize;
        users.truncate(limit as usize);
        let next = users.last().map(|last| last.id).filter(|_| has_more);
        Ok((users, next))
    }

    /// Changes a user. Disabling ends the user's sessions; changed roles bind at the next refresh.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_user(&self, id: UserId, mut change: AccountChange) -> Result<Account, AdminError> {
        if let Some(roles) = &mut change.roles {
            let mut seen = BTreeSet::new();
            roles.retain(|role| seen.insert(role.clone()));
            if roles.len() > MAX_ROLES || !roles.iter().all(|role| self.roles.has(role)) {
                return Err(AdminError::UnknownRole);
            }
        }
        if change.custom.as_ref().is_some_and(|custom| json_bytes(custom) > MAX_CUSTOM_BYTES) {
            return Err(AdminError::CustomTooLarge);
        }
        let account = self.accounts.update(id, &change, self.now()).await?.ok_or(AdminError::NoSuchUser)?;
        if account.disabled {
            self.forget(self.sessions.remove_all(id, None)).await;
        }
        tracing::info!(sub = %id, roles = ?account.roles, disabled = account.disabled, "user changed by an admin");
        Ok(account)
    }

    /// Ends all sessions of a user. Durable when it returns.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions_of(&self, id: UserId) -> Result<(), AdminError> {
        if !self.accounts.raise_epoch(id, None, self.now()).await? {
            return Err(AdminError::NoSuchUser);
        }
        self.forget(self.sessions.remove_all(id, None)).await;
        tracing::info!(sub = %id, "sessions ended by an admin");
        Ok(())
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_user(&self, id: UserId) -> Result<(), AdminError> {
        if !self.accounts.delete(id).await? {
            return Err(AdminError::NoSuchUser);
        }
        self.forget(self.sessions.remove_all(id, None)).await;
        tracing::info!(sub = %id, "user deleted by an admin");
        Ok(())
    }
}

fn json_bytes(custom: &Map<String, Value>) -> usize {
    serde_json::to_string(custom).map_or(usize::MAX, |json| json.len())
}
