//! A code from a mail comes back: what it was asked for is done.

use super::{first_session, register::Pending};
use crate::domain::{
    Client, Unavailable,
    accounts::{Accounts, NewAccount, PersonName},
    audit::{Action, Audit},
    passwords::PasswordHash,
    proofs::{CodeError, Confirmed, FlowSecret, Proof, Proofs, Purpose, Spending},
    sessions::{Sessions, refresh_token::Transport, tokens::Tokens},
    throttling::{
        limiter::Limiter,
        limits::{Exceeded, Limit},
    },
};
use serde_json::Map;
use shared::ids::{ProofId, UserId};
use std::{sync::Arc, time::Duration};

/// Why nothing was confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Too many from the client's address.
    #[error("too many attempts")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The code was not accepted.
    #[error(transparent)]
    Code(#[from] CodeError),
}

impl From<Exceeded> for ConfirmError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

impl From<Unavailable> for ConfirmError {
    fn from(error: Unavailable) -> Self {
        Self::Code(error.into())
    }
}

/// A code that a client brings.
pub struct Confirmation<'a> {
    /// The flow.
    pub flow: ProofId,
    /// The code, as it was typed.
    pub code: &'a str,
    /// The flow's secret, if the client has one.
    pub secret: Option<&'a FlowSecret>,
    /// How the client carries the refresh token.
    pub transport: Transport,
}

/// Confirms.
pub struct Confirmer {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// Begins sessions.
    pub sessions: Arc<Sessions>,
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// The role of a user who has registered.
    pub default_role: String,
}

impl Confirmer {
    /// Does what the code was asked for. Returns the tokens of a new session after a registration.
    ///
    /// # Errors
    /// [`ConfirmError`].
    pub async fn confirm(&self, shown: Confirmation<'_>, client: &Client) -> Result<Option<Tokens>, ConfirmError> {
        let Confirmation { flow, code, secret, transport } = shown;
        self.limiter.take_of_address(Limit::Logins, client)?;
        let purposes = [Purpose::Register, Purpose::Verify];
        let Confirmed { proof, .. } = self.proofs.check(flow, code, secret, &purposes).await?;
        if proof.purpose == Purpose::Verify {
            self.verify(&proof, client).await?;
            return Ok(None);
        }
        let (created, hash) = self.register(&proof, client).await?;
        Ok(first_session(&*self.accounts, &self.sessions, (created, &hash), transport, client).await?)
    }

    async fn verify(&self, proof: &Proof, client: &Client) -> Result<(), ConfirmError> {
        let sub = proof.sub.ok_or(CodeError::Spent)?;
        let event = self.audit.event(Action::EmailVerify).to(sub).by(sub).from(client);
        let (attempt, now) = (ProofId::fresh(), self.proofs.now());
        let spending = Spending { proof, attempt, now, event: &event, mails: &[] };
        if !self.proofs.store().verify_address(&spending).await? {
            return Err(CodeError::Spent.into());
        }
        self.audit.log(&event);
        Ok(())
    }

    async fn register(&self, proof: &Proof, client: &Client) -> Result<(UserId, PasswordHash), ConfirmError> {
        let Pending { hash, name } = self.proofs.payload(proof).ok_or(CodeError::Spent)?;
        let now = self.proofs.now();
        let account = NewAccount {
            id: UserId::fresh(),
            email: proof.address.clone(),
            name: name.as_deref().map(PersonName::parse).transpose().map_err(|_| CodeError::Spent)?,
            hash: PasswordHash(hash.as_str().to_owned()),
            roles: vec![self.default_role.clone()],
            custom: Map::new(),
            created_at: now,
            email_verified_at: Some(now),
            by: None,
        };
        let event = self.audit.event(Action::Register).to(account.id).by(account.id).from(client);
        let spending = Spending { proof, attempt: ProofId::fresh(), now, event: &event, mails: &[] };
        if !self.proofs.store().register(&spending, &account).await? {
            return Err(CodeError::Spent.into());
        }
        self.audit.log(&event);
        Ok((account.id, account.hash))
    }
}
