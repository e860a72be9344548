//! Creation of users by admins.

use super::{
    authority::may_give,
    users::{AdminError, By, checked_roles, event_by},
};
use crate::domain::{
    Client,
    accounts::{
        Account, EmailAddress, PersonName, check_custom,
        create::{Creator, Newcomer, NewcomerError},
        roles::Roles,
    },
    audit::{Action, Audit},
    passwords::{Password, pool::Lane},
    sessions::caller::Caller,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The user that an admin wants to create.
pub struct Creation {
    /// How the user will log in.
    pub email: EmailAddress,
    /// The first password.
    pub password: Password,
    /// The user's name.
    pub name: Option<PersonName>,
    /// The user's roles; by default, the role of users who register.
    pub roles: Option<Vec<String>>,
    /// The custom claims.
    pub custom: Map<String, Value>,
}

/// Why the user was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreationError {
    /// The admin may not create such a user.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The address or the password was refused.
    #[error(transparent)]
    Newcomer(#[from] NewcomerError),
}

/// Creates users for admins.
pub struct UserCreation {
    creator: Arc<Creator>,
    roles: Arc<Roles>,
    audit: Arc<Audit>,
    default_role: String,
}

impl UserCreation {
    /// Creates users with this creator; `default_role` is for users without given roles.
    #[must_use]
    pub fn new(creator: Arc<Creator>, roles: Arc<Roles>, audit: Arc<Audit>, default_role: String) -> Self {
        Self { creator, roles, audit, default_role }
    }

    /// Creates a user. The roles must be ones that the admin may grant.
    ///
    /// # Errors
    /// [`CreationError`].
    pub async fn create(&self, caller: &Caller, client: &Client, creation: Creation) -> Result<Account, CreationError> {
        let roles = creation.roles.unwrap_or_else(|| vec![self.default_role.clone()]);
        let roles = checked_roles(&self.roles, roles)?;
        check_custom(&creation.custom).map_err(AdminError::from)?;
        may_give(&self.roles, &caller.account, &roles).map_err(AdminError::from)?;
        let newcomer = Newcomer {
            // An access token of a live session is as good as the cookie of a known device.
            lane: Lane { is_known: true, ..Lane::of(client, Some(creation.email.as_str()), None) },
            email: creation.email,
            password: &creation.password,
            name: creation.name,
            roles,
            custom: creation.custom,
            by: Some(caller.account.seen()),
            language: None,
        };
        let account = self.creator.create(newcomer).await?;
        let event = event_by(&self.audit, &By::Admin { caller, client }, Action::UserCreate, account.id);
        self.audit.record(event.with("roles", account.roles.clone())).await;
        Ok(account)
    }
}
