//! Registration.

use super::{
    Auth, Client, Unavailable,
    account::{Account, CreateError, EmailAddress, Epoch, NewAccount, PersonName},
    audit::Action,
    hashing::Overloaded,
    password::{Password, WeakPassword},
    roles::DEFAULT_ROLE,
};
use serde_json::Map;
use shared::ids::UserId;

/// Why somebody was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Another user has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The password may not be chosen.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The hashing queue is full.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<CreateError> for RegisterError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::EmailTaken => Self::EmailTaken,
            CreateError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl Auth {
    /// Registers a user, who is a reader.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register(
        &self,
        email: EmailAddress,
        password: &Password,
        name: Option<PersonName>,
        client: &Client,
    ) -> Result<Account, RegisterError> {
        let account = self.create_account(email, password, name, DEFAULT_ROLE).await?;
        self.note(self.event(Action::Register).to(account.id).by(account.id).from(client)).await;
        Ok(account)
    }

    /// Creates a user with a role, as an operator does.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn create_user(
        &self,
        email: EmailAddress,
        password: &Password,
        name: Option<PersonName>,
        role: &str,
    ) -> Result<Account, RegisterError> {
        let account = self.create_account(email, password, name, role).await?;
        self.note(self.event(Action::UserCreate).to(account.id).with("role", role)).await;
        Ok(account)
    }

    async fn create_account(
        &self,
        email: EmailAddress,
        password: &Password,
        name: Option<PersonName>,
        role: &str,
    ) -> Result<Account, RegisterError> {
        let known = [Some(email.as_str()), name.as_ref().map(PersonName::as_str)];
        let known = known.into_iter().flatten().map(str::to_owned).collect();
        self.hasher.check_strength(password, known).await??;
        // Spares the hash; the store's own check is the one that counts.
        if self.accounts.by_email(&email).await?.is_some() {
            return Err(RegisterError::EmailTaken);
        }
        let account = NewAccount {
            id: UserId::fresh(),
            email,
            name,
            hash: self.hasher.hash(password).await?,
            roles: vec![role.to_owned()],
            created_at: self.now(),
        };
        self.accounts.create(&account).await?;
        Ok(Account {
            id: account.id,
            email: account.email,
            name: account.name,
            roles: account.roles,
            custom: Map::new(),
            disabled: false,
            session_epoch: Epoch::FIRST,
            kept_session: None,
            created_at: account.created_at,
        })
    }
}
