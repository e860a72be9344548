//! Registration.

use crate::domain::{
    Client,
    accounts::{
        Account, EmailAddress, Epoch, PersonName,
        create::{Creator, Newcomer, NewcomerError},
    },
    audit::{Action, Audit},
    mail::MailKind,
    passwords::{
        Password,
        pool::{Hasher, Lane},
    },
    proofs::{Flow, FlowSecret, Proofs, Purpose},
    throttling::{
        limiter::Limiter,
        limits::{Exceeded, Limit},
    },
};
use serde::{Deserialize, Serialize};
use shared::ids::ProofId;
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// Who may register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Anyone who has an address at one of these domains, in lower case.
    Domains(Vec<String>),
    /// Only those whom an admin invites.
    Invite,
    /// Only admins and operators create users.
    Closed,
}

impl Registration {
    /// Its name, without the domains.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Domains(_) => "domains",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }

    /// Whether this address may register.
    fn admits(&self, email: &EmailAddress) -> bool {
        match self {
            Self::Open => true,
            Self::Domains(domains) => domains.iter().any(|domain| domain == email.domain()),
            Self::Invite | Self::Closed => false,
        }
    }
}

/// Registration as the settings define it.
#[derive(Debug, Clone)]
pub struct RegistrationPolicy {
    /// Who may register.
    pub registration: Registration,
    /// Whether the address must be shown to reach the user before there is an account.
    pub with_proof: bool,
    /// The role of a user who has registered.
    pub default_role: String,
}

/// Why a user was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Only admins and operators create users.
    #[error("registration is closed")]
    Closed,
    /// The address is at none of the domains whose users may register.
    #[error("this address may not register")]
    OtherDomain,
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

/// What became of a registration.
pub enum Registered {
    /// There is an account.
    Account(Account),
    /// There will be one once the code from the mail comes.
    Asked(Flow),
}

/// What is done once the code comes.
#[derive(Serialize, Deserialize)]
pub(in crate::domain) struct Pending {
    pub(in crate::domain) hash: Zeroizing<String>,
    pub(in crate::domain) name: Option<String>,
}

/// Registers users.
pub struct Registrar {
    creator: Arc<Creator>,
    hasher: Arc<Hasher>,
    proofs: Arc<Proofs>,
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
        proofs: Arc<Proofs>,
        limiter: Arc<Limiter>,
        audit: Arc<Audit>,
        policy: RegistrationPolicy,
    ) -> Self {
        Self { creator, hasher, proofs, limiter, audit, policy }
    }

    /// Whether registration is open: ask before anything that costs, or that depends on the request's content.
    ///
    /// # Errors
    /// [`RegisterError::Closed`].
    pub fn admit(&self) -> Result<(), RegisterError> {
        match self.policy.registration {
            Registration::Open | Registration::Domains(_) => Ok(()),
            Registration::Invite | Registration::Closed => Err(RegisterError::Closed),
        }
    }

    /// Registers a user with the default role, or asks for a proof of the address first.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register(
        &self,
        email: EmailAddress,
        password: &Password,
        name: Option<PersonName>,
        flow: Option<(ProofId, &FlowSecret)>,
        client: &Client,
    ) -> Result<Registered, RegisterError> {
        self.admit()?;
        self.limiter.take_of_address(Limit::Registrations, client)?;
        if !self.policy.registration.admits(&email) {
            return Err(RegisterError::OtherDomain);
        }
        if self.policy.with_proof {
            return Ok(Registered::Asked(self.asked(email, password, name, flow, client).await?));
        }
        let lane = Lane::of(client, Some(email.as_str()), None);
        self.hasher.admit(&lane).map_err(NewcomerError::from)?;
        let newcomer = Newcomer::new(email, password, name, &self.policy.default_role);
        let created = self.creator.create(Newcomer { lane, language: client.language, ..newcomer }).await;
        if let Err(NewcomerError::EmailTaken) = created {
            self.audit.log(&self.audit.event(Action::Register).failed().from(client).with("reason", "email_taken"));
        }
        let account = created?;
        self.audit.record(self.audit.event(Action::Register).to(account.id).by(account.id).from(client)).await;
        Ok(Registered::Account(account))
    }

    /// Asks for a proof of the address. There is no account before it; and of several clients that register the same
    /// address, the one that brings its own code decides on the password. An address that has an account already gets
    /// another mail, and the client the same answer after the same work.
    async fn asked(
        &self,
        email: EmailAddress,
        password: &Password,
        name: Option<PersonName>,
        flow: Option<(ProofId, &FlowSecret)>,
        client: &Client,
    ) -> Result<Flow, RegisterError> {
        let lane = Lane::of(client, Some(email.as_str()), None);
        self.hasher.admit(&lane).map_err(NewcomerError::from)?;
        let hash = self.creator.hash(&email, name.as_ref(), password, lane).await?;
        let pending = Pending { hash: Zeroizing::new(hash.0), name: name.map(|name| name.as_str().to_owned()) };
        let is_taken = self.creator.is_taken(&email).await.map_err(NewcomerError::from)?;
        let waiting = self.proofs.waiting(flow, Purpose::Register, &email).await.map_err(NewcomerError::from)?;
        let proof = waiting.unwrap_or_else(|| self.proofs.about(Purpose::Register, None, email, Epoch::FIRST));
        let proof = self.proofs.sealed(proof, &pending);
        let kind = if is_taken { MailKind::AlreadyRegistered } else { MailKind::Registration };
        self.proofs.ask(&proof, kind, true, client).await.map_err(NewcomerError::from)?;
        Ok(self.proofs.flow(&proof))
    }
}
