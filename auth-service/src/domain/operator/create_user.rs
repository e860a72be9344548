//! Users created by operators, and the first admin from the settings.

use crate::domain::{
    accounts::{
        Account, Accounts, EmailAddress, PersonName,
        create::{Creator, Newcomer, NewcomerError},
        roles::ADMIN_ROLE,
    },
    audit::{Action, Audit},
    passwords::Password,
};
use std::sync::Arc;

/// How an operator creates a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// With `auth-service user create`.
    CommandLine,
    /// With the settings for the first admin.
    Settings,
}

/// Creates users for operators.
pub struct OperatorCreation {
    creator: Arc<Creator>,
    audit: Arc<Audit>,
}

impl OperatorCreation {
    /// Creates users with this creator.
    #[must_use]
    pub fn new(creator: Arc<Creator>, audit: Arc<Audit>) -> Self {
        Self { creator, audit }
    }

    /// Creates a user.
    ///
    /// # Errors
    /// [`NewcomerError`].
    pub async fn create(&self, newcomer: Newcomer<'_>, by: Maker) -> Result<Account, NewcomerError> {
        let account = self.creator.create(newcomer).await?;
        let event = self.audit.event(Action::UserCreate).to(account.id).with("role", account.roles.join(","));
        self.audit
            .record(match by {
                Maker::CommandLine => event.on_command_line(),
                Maker::Settings => event.with("by", "settings"),
            })
            .await;
        Ok(account)
    }

    /// Creates the admin from the settings, unless there is an admin.
    ///
    /// # Errors
    /// [`NewcomerError`].
    pub async fn ensure_admin(
        &self,
        accounts: &dyn Accounts,
        email: EmailAddress,
        password: &Password,
    ) -> Result<(), NewcomerError> {
        if accounts.has_any_with_role(ADMIN_ROLE).await? {
            return Ok(());
        }
        let newcomer = Newcomer::new(email, password, None::<PersonName>, ADMIN_ROLE);
        match self.create(newcomer, Maker::Settings).await {
            Ok(_) => Ok(()),
            // A stranger may have registered the address, so its user is never promoted. Or another replica was faster.
            Err(NewcomerError::EmailTaken) => {
                tracing::warn!(
                    "AUTH_ADMIN_EMAIL belongs to an existing user, who was not promoted: choose another address"
                );
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
