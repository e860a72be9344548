//! Registration.

use crate::domain::{
    Client,
    accounts::{
        Account, EmailAddress, PersonName,
        create::{Creator, Newcomer, NewcomerError},
    },
    audit::{Action, Audit},
    passwords::{
        Password,
        pool::{Hasher, Lane},
    },
    throttling::{
        limiter::Limiter,
        limits::{Exceeded, Limit},
    },
};
use std::{sync::Arc, time::Duration};

/// Whether registration is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone may register.
    Open,
    /// Only admins and operators create users.
    Closed,
}

/// Registration as the settings define it.
#[derive(Debug, Clone)]
pub struct RegistrationPolicy {
    /// Whether registration is open.
    pub registration: Registration,
    /// The role of a user who has registered.
    pub default_role: String,
}

/// Why a user was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Only admins and operators create users.
    #[error("registration is closed")]
    Closed,
    /// Too many registrations from the client's address.
    #[error("too many registrations")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The user was not created.
    #[error(transparent)]
    Newcomer(#[from] NewcomerError),
}

impl From<Exceeded> for RegisterError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

/// Registers users.
pub struct Registrar {
    creator: Arc<Creator>,
    hasher: Arc<Hasher>,
    limiter: Arc<Limiter>,
    audit: Arc<Audit>,
    policy: RegistrationPolicy,
}

impl Registrar {
    /// Registers users with this creator.
    #[must_use]
    pub fn new(
        creator: Arc<Creator>,
        hasher: Arc<Hasher>,
        limiter: Arc<Limiter>,
        audit: Arc<Audit>,
        policy: RegistrationPolicy,
    ) -> Self {
        Self { creator, hasher, limiter, audit, policy }
    }

    /// Whether registration is open: ask before anything that costs, or that depends on the request's content.
    ///
    /// # Errors
    /// [`RegisterError::Closed`].
    pub fn admit(&self) -> Result<(), RegisterError> {
        match self.policy.registration {
            Registration::Open => Ok(()),
            Registration::Closed => Err(RegisterError::Closed),
        }
    }

    /// Registers a user with the default role.
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
        self.admit()?;
        self.limiter.take_of_address(Limit::Registrations, client)?;
        let lane = Lane::of(client, Some(email.as_str()), None);
        self.hasher.admit(&lane).map_err(NewcomerError::from)?;
        let newcomer = Newcomer::new(email, password, name, &self.policy.default_role);
        let created = self.creator.create(Newcomer { lane, ..newcomer }).await;
        if let Err(NewcomerError::EmailTaken) = created {
            self.audit.log(&self.audit.event(Action::Register).failed().from(client).with("reason", "email_taken"));
        }
        let account = created?;
        self.audit.record(self.audit.event(Action::Register).to(account.id).by(account.id).from(client)).await;
        Ok(account)
    }
}
