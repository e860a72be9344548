//! What admins do with users.

use super::{
    Auth, Client, Unavailable,
    account::{Account, AccountChange, AccountQuery},
    audit::{Action, Event},
    caller::Caller,
    page,
};
use serde_json::{Map, Value};
use shared::ids::UserId;
use std::collections::BTreeSet;

/// How many bytes of JSON a user's custom claims may have: they stand in every access token.
pub const MAX_CUSTOM_BYTES: usize = 1024;
/// How many roles a user may have.
const MAX_ROLES: usize = 16;

/// The admin at work, and from where.
pub struct Admin<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// From where.
    pub client: &'a Client,
}

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
        let users = self.accounts.page(&AccountQuery { limit: limit + 1, ..query }).await?;
        Ok(page(users, limit, |user| user.id))
    }

    /// Changes a user. Disabling ends the user's sessions; changed roles bind at the next refresh.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_user(
        &self,
        admin: &Admin<'_>,
        id: UserId,
        mut change: AccountChange,
    ) -> Result<Account, AdminError> {
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
        self.note(self.event_by(admin, Action::UserChange, id).with("changed", changed(&change))).await;
        Ok(account)
    }

    /// Ends all sessions of a user. Durable when it returns.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions_of(&self, admin: &Admin<'_>, id: UserId) -> Result<(), AdminError> {
        if !self.accounts.raise_epoch(id, None, self.now()).await? {
            return Err(AdminError::NoSuchUser);
        }
        self.forget(self.sessions.remove_all(id, None)).await;
        self.note(self.event_by(admin, Action::UserSessionsEnd, id)).await;
        Ok(())
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_user(&self, admin: &Admin<'_>, id: UserId) -> Result<(), AdminError> {
        if !self.accounts.delete(id).await? {
            return Err(AdminError::NoSuchUser);
        }
        self.forget(self.sessions.remove_all(id, None)).await;
        self.note(self.event_by(admin, Action::UserDelete, id)).await;
        Ok(())
    }

    fn event_by(&self, admin: &Admin<'_>, action: Action, to: UserId) -> Event {
        self.event(action).to(to).by(admin.caller.account.id).about(admin.caller.session).from(admin.client)
    }
}

/// What an admin changed of a user. Custom claims may be private: only that they changed is told.
fn changed(change: &AccountChange) -> Value {
    let mut changed = Map::new();
    if let Some(roles) = &change.roles {
        changed.insert("roles".to_owned(), roles.clone().into());
    }
    if let Some(disabled) = change.disabled {
        changed.insert("disabled".to_owned(), disabled.into());
    }
    if change.custom.is_some() {
        changed.insert("custom".to_owned(), true.into());
    }
    Value::Object(changed)
}

fn json_bytes(custom: &Map<String, Value>) -> usize {
    serde_json::to_string(custom).map_or(usize::MAX, |json| json.len())
}
