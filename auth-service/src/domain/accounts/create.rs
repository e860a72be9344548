//! Creating a user: used by registration, admins and operators.

use super::{Account, Accounts, CreateError, EmailAddress, Epoch, NewAccount, PersonName, Seen};
use crate::domain::{
    Language, Unavailable,
    passwords::{
        Password, PasswordHash, WeakPassword,
        new_passwords::NewPasswords,
        pool::{Lane, NotComputed},
    },
};
use serde_json::{Map, Value};
use shared::{clock::Clock, ids::UserId};
use std::sync::Arc;

/// A new user, with the password.
pub struct Newcomer<'a> {
    /// How the user will log in.
    pub email: EmailAddress,
    /// The first password.
    pub password: &'a Password,
    /// The user's name.
    pub name: Option<PersonName>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The custom claims.
    pub custom: Map<String, Value>,
    /// The admin who creates the user, if one does.
    pub by: Option<Seen>,
    /// The user's language, if that is known.
    pub language: Option<Language>,
    /// The queue lane in which the password is hashed.
    pub lane: Lane,
}

impl<'a> Newcomer<'a> {
    /// A user with one role and no custom claims, not created by an admin.
    #[must_use]
    pub fn new(email: EmailAddress, password: &'a Password, name: Option<PersonName>, role: &str) -> Self {
        Self {
            email,
            password,
            name,
            roles: vec![role.to_owned()],
            custom: Map::new(),
            by: None,
            language: None,
            lane: Lane::HERE,
        }
    }
}

/// Why a user was not created.
#[derive(Debug, thiserror::Error)]
pub enum NewcomerError {
    /// Another user has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The admin who creates the user was changed meanwhile, and may no longer be allowed to.
    #[error("the admin was changed meanwhile")]
    Outdated,
    /// The password is too weak.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<CreateError> for NewcomerError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::EmailTaken => Self::EmailTaken,
            CreateError::Outdated => Self::Outdated,
            CreateError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// Creates users.
pub struct Creator {
    accounts: Arc<dyn Accounts>,
    passwords: Arc<NewPasswords>,
    clock: Arc<dyn Clock>,
}

impl Creator {
    /// Creates users in this store.
    #[must_use]
    pub fn new(accounts: Arc<dyn Accounts>, passwords: Arc<NewPasswords>, clock: Arc<dyn Clock>) -> Self {
        Self { accounts, passwords, clock }
    }

    /// Checks only the length, which costs nothing.
    ///
    /// # Errors
    /// [`WeakPassword::Length`].
    pub fn check_length(&self, password: &Password) -> Result<(), WeakPassword> {
        self.passwords.check_length(password)
    }

    /// The hash of the first password of a user, if it is not too weak.
    ///
    /// # Errors
    /// [`NewcomerError`].
    pub async fn hash(
        &self,
        email: &EmailAddress,
        name: Option<&PersonName>,
        password: &Password,
        lane: Lane,
    ) -> Result<PasswordHash, NewcomerError> {
        self.passwords.check_length(password)?;
        let known = [Some(email.as_str()), name.map(PersonName::as_str)];
        let known = known.into_iter().flatten().map(str::to_owned).collect();
        let accepted = self.passwords.accept(password, known).await??;
        Ok(self.passwords.hash(lane, &accepted).await?)
    }

    /// Whether a user has this address.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn is_taken(&self, email: &EmailAddress) -> Result<bool, Unavailable> {
        self.accounts.is_taken(email).await
    }

    /// Creates a user. Nothing is recorded in the audit log: the caller does that.
    ///
    /// # Errors
    /// [`NewcomerError`].
    pub async fn create(&self, newcomer: Newcomer<'_>) -> Result<Account, NewcomerError> {
        let Newcomer { email, password, name, roles, custom, by, language, lane } = newcomer;
        self.passwords.check_length(password)?;
        // Saves the other checks and the hash. What counts is the store's own check.
        if self.accounts.is_taken(&email).await? {
            return Err(NewcomerError::EmailTaken);
        }
        let hash = self.hash(&email, name.as_ref(), password, lane).await?;
        let created_at = self.clock.now();
        let account = NewAccount {
            id: UserId::fresh(),
            email,
            name,
            hash,
            roles,
            custom,
            created_at,
            email_verified_at: None,
            language,
            by,
        };
        self.accounts.create(&account).await?;
        Ok(Account {
            id: account.id,
            email: account.email,
            name: account.name,
            roles: account.roles,
            custom: account.custom,
            disabled: false,
            session_epoch: Epoch(account.created_at.millis()),
            kept_session: None,
            created_at: account.created_at,
            email_verified_at: account.email_verified_at,
            second_email: None,
            language: account.language,
            external: None,
            revision: 0,
        })
    }
}
