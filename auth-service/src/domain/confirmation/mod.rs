//! A code from a mail comes back: what it was asked for is done. Each purpose has its own way; a forgotten password,
//! which needs a new one, is replaced in [`super::sign_in::recovery`].

mod addresses;
mod invitation;
mod login;
mod registration;

use super::{
    Client, Unavailable,
    accounts::{
        Account, Accounts, FindError, PersonName,
        create::{Creator, NewcomerError},
        roles::Roles,
    },
    audit::{Audit, Event},
    mail::{Notices, SealedMail},
    passwords::{Password, WeakPassword, pool::NotComputed},
    proofs::{CodeError, Confirmed, FlowSecret, Proof, Proofs, Purpose, Spending},
    sessions::{Sessions, live::LiveSessions, tokens::Tokens},
    sign_in::{
        beginning::{Beginning, NewSession},
        log_refusal,
        second_factor::{SecondStep, SecondSteps},
    },
    throttling::{
        limiter::Limiter,
        limits::{Exceeded, Limit},
    },
};
use shared::ids::ProofId;
use std::{sync::Arc, time::Duration};

/// What is confirmed here.
const PURPOSES: [Purpose; 7] = [
    Purpose::Register,
    Purpose::Invite,
    Purpose::Login,
    Purpose::Verify,
    Purpose::ChangeEmail,
    Purpose::UndoEmail,
    Purpose::SecondEmail,
];

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
    /// The code is right, and the user has a second factor.
    #[error("the second factor is asked for")]
    SecondFactor(Box<SecondStep>),
    /// An invitation is accepted with a password. The code is still good.
    #[error("a password must be chosen")]
    NoPassword,
    /// The password is too weak. The code is still good.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
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

impl From<FindError> for ConfirmError {
    fn from(error: FindError) -> Self {
        Unavailable::from(error).into()
    }
}

impl From<NewcomerError> for ConfirmError {
    fn from(error: NewcomerError) -> Self {
        match error {
            NewcomerError::EmailTaken | NewcomerError::Outdated => CodeError::Spent.into(),
            NewcomerError::WeakPassword(error) => error.into(),
            NewcomerError::NotComputed(error) => error.into(),
            NewcomerError::Unavailable(error) => error.into(),
        }
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
    /// The password of a user who was invited.
    pub password: Option<&'a Password>,
    /// The name of a user who was invited.
    pub name: Option<PersonName>,
    /// The session that begins, if one does.
    pub session: NewSession,
}

/// Confirms.
pub struct Confirmer {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// Checks and hashes the first password of a user.
    pub creator: Arc<Creator>,
    /// What roles grant.
    pub roles: Arc<Roles>,
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// The sessions of users.
    pub live: Arc<LiveSessions>,
    /// Begins sessions.
    pub sessions: Arc<Sessions>,
    /// Begins them where more than the code may be asked for.
    pub beginning: Arc<Beginning>,
    /// Asks for second factors.
    pub second_steps: Arc<SecondSteps>,
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// Writes notices.
    pub notices: Arc<Notices>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// The role of a user who has registered.
    pub default_role: String,
    /// Whether invitations are accepted.
    pub has_invitations: bool,
}

impl Confirmer {
    /// Does what the code was asked for. Returns the tokens of a new session after a registration, an accepted invitation
    /// and a login.
    ///
    /// # Errors
    /// [`ConfirmError`].
    pub async fn confirm(&self, shown: Confirmation<'_>, client: &Client) -> Result<Option<Tokens>, ConfirmError> {
        let Confirmation { flow, code, secret, password, name, session } = shown;
        self.limiter.take_of_address(Limit::Logins, client)?;
        password.map_or(Ok(()), |password| self.creator.check_length(password))?;
        let checked = self.proofs.check(flow, code, secret, &PURPOSES).await;
        let Confirmed { proof, .. } = checked.inspect_err(|error| log_refusal(&self.audit, error, flow, client))?;
        match proof.purpose {
            Purpose::Register => self.register(&proof, session, client).await,
            Purpose::Invite => self.accept(&proof, password, name, session, client).await,
            Purpose::Login => self.log_in(&proof, session, client).await,
            Purpose::Verify => self.verify(&proof, client).await.map(|()| None),
            Purpose::ChangeEmail => self.change_address(&proof, client).await.map(|()| None),
            Purpose::UndoEmail => self.restore_address(&proof, client).await.map(|()| None),
            Purpose::SecondEmail => self.set_second_address(&proof, client).await.map(|()| None),
            Purpose::Reset => Err(CodeError::Spent.into()),
        }
    }

    /// What spends a proof now.
    fn spending<'a>(&self, proof: &'a Proof, event: &'a Event, mails: &'a [SealedMail]) -> Spending<'a> {
        Spending { proof, attempt: ProofId::fresh(), now: self.proofs.now(), event, mails }
    }

    /// Reports what was done; `false`: the proof is spent.
    fn done(&self, is_done: bool, event: &Event) -> Result<(), ConfirmError> {
        if is_done {
            self.audit.log(event);
            Ok(())
        } else {
            Err(CodeError::Spent.into())
        }
    }

    /// The user of a proof.
    async fn user(&self, proof: &Proof) -> Result<Account, ConfirmError> {
        let sub = proof.sub.ok_or(CodeError::Spent)?;
        Ok(self.accounts.by_id(sub).await?.ok_or(CodeError::Spent)?.account)
    }
}
