//! Registration.

use crate::domain::{
    Auth, Client, Unavailable,
    accounts::{Account, CreateError, EmailAddress, Epoch, NewAccount, PersonName, Seen},
    audit::Action,
    passwords::{
        Password, WeakPassword,
        pool::{Lane, NotComputed},
    },
    throttling::limits::{Exceeded, Limit},
};
use serde_json::{Map, Value};
use shared::ids::UserId;
use std::time::Duration;

/// Whether strangers may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// They may.
    Open,
    /// Admins create users.
    Closed,
}

/// Why somebody was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Admins create users here.
    #[error("registration is closed")]
    Closed,
    /// Another user has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The admin who creates the user may no longer do so.
    #[error("what this was decided on no longer stands")]
    Outdated,
    /// The password may not be chosen.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// Too many registrations from the client's address.
    #[error("too many registrations")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password was not hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<CreateError> for RegisterError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::EmailTaken => Self::EmailTaken,
            CreateError::Outdated => Self::Outdated,
            CreateError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// How whoever runs the program creates a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// With `auth-service user create`.
    CommandLine,
    /// With the settings that name the first admin.
    Settings,
}

/// A user to be, with the password.
pub(in crate::domain) struct Newcomer<'a> {
    pub(in crate::domain) email: EmailAddress,
    pub(in crate::domain) password: &'a Password,
    pub(in crate::domain) name: Option<PersonName>,
    pub(in crate::domain) roles: Vec<String>,
    pub(in crate::domain) custom: Map<String, Value>,
    /// The admin who creates the user.
    pub(in crate::domain) by: Option<Seen>,
    /// In which lane the password is hashed.
    pub(in crate::domain) lane: Lane,
}

impl From<Exceeded> for RegisterError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

impl Auth {
    /// Whether strangers may register: to be asked before anything that costs, or that depends on what they sent.
    ///
    /// # Errors
    /// [`RegisterError::Closed`].
    pub fn admit_strangers(&self) -> Result<(), RegisterError> {
        match self.policy.registration {
            Registration::Open => Ok(()),
            Registration::Closed => Err(RegisterError::Closed),
        }
    }

    /// Registers a user, who has the default role.
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
        self.admit_strangers()?;
        self.take_of_address(Limit::Registrations, client)?;
        let lane = client.lane(Some(&email), None);
        self.hasher.admit(&lane)?;
        let newcomer = Newcomer::new(email, password, name, &self.policy.default_role);
        let created = self.create_account(Newcomer { lane, ..newcomer }).await;
        if let Err(RegisterError::EmailTaken) = created {
            self.note_in_log(&self.event(Action::Register).failed().from(client).with("reason", "email_taken"));
        }
        let account = created?;
        self.note(self.event(Action::Register).to(account.id).by(account.id).from(client)).await;
        Ok(account)
    }

    /// Creates a user with a role, for whoever runs the program.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn create_user(
        &self,
        email: EmailAddress,
        password: &Password,
        name: Option<PersonName>,
        role: &str,
        by: Maker,
    ) -> Result<Account, RegisterError> {
        let account = self.create_account(Newcomer::new(email, password, name, role)).await?;
        let event = self.event(Action::UserCreate).to(account.id).with("role", role);
        self.note(match by {
            Maker::CommandLine => event.on_command_line(),
            Maker::Settings => event.with("by", "settings"),
        })
        .await;
        Ok(account)
    }

    pub(in crate::domain) async fn create_account(&self, newcomer: Newcomer<'_>) -> Result<Account, RegisterError> {
        let Newcomer { email, password, name, roles, custom, by, lane } = newcomer;
        password.check_length()?;
        // Spares the judging and the hash; the store's own check is the one that counts.
        if self.accounts.is_taken(&email).await? {
            return Err(RegisterError::EmailTaken);
        }
        let known = [Some(email.as_str()), name.as_ref().map(PersonName::as_str)];
        let known = known.into_iter().flatten().map(str::to_owned).collect();
        self.judges.judge(password, known).await??;
        let hash = self.hasher.hash(lane, password).await?;
        let account = NewAccount { id: UserId::fresh(), email, name, hash, roles, custom, created_at: self.now(), by };
        self.accounts.create(&account).await?;
        Ok(Account {
            id: account.id,
            email: account.email,
            name: account.name,
            roles: account.roles,
            custom: account.custom,
            disabled: false,
            session_epoch: Epoch::FIRST,
            kept_session: None,
            created_at: account.created_at,
            revision: 0,
        })
    }
}

impl<'a> Newcomer<'a> {
    fn new(email: EmailAddress, password: &'a Password, name: Option<PersonName>, role: &str) -> Self {
        Self { email, password, name, roles: vec![role.to_owned()], custom: Map::new(), by: None, lane: Lane::HERE }
    }
}
