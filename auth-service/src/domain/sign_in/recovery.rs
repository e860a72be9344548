//! A forgotten password: whoever reads the mails of the account's address sets a new one.

use super::{beginning::NewSession, first_session, log_refusal, second_factor::SecondSteps};
use crate::domain::{
    Client, Unavailable,
    accounts::{Accounts, FindError, PersonName},
    audit::{Action, Audit},
    mail::Notices,
    passwords::{
        Password, WeakPassword,
        new_passwords::NewPasswords,
        pool::{Lane, NotComputed},
    },
    proofs::{CodeError, Confirmed, FlowSecret, Proofs, Purpose, Spending},
    sessions::{Sessions, live::LiveSessions, tokens::Tokens},
    throttling::{
        limiter::Limiter,
        limits::{Exceeded, Limit},
    },
};
use shared::ids::ProofId;
use std::{sync::Arc, time::Duration};

/// Why no new password was set.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// Too many from the client's address.
    #[error("too many attempts")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The code was not accepted.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The new password is too weak. The code is still good.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
}

/// A new password, by code.
pub struct NewPassword<'a> {
    /// The flow.
    pub flow: ProofId,
    /// The code, as it was typed.
    pub code: &'a str,
    /// The flow's secret, if the client has one.
    pub secret: Option<&'a FlowSecret>,
    /// The new password.
    pub password: &'a Password,
    /// The session that begins, if one does.
    pub session: NewSession,
}

impl From<Exceeded> for ResetError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

impl From<Unavailable> for ResetError {
    fn from(error: Unavailable) -> Self {
        Self::Code(error.into())
    }
}

impl From<FindError> for ResetError {
    fn from(error: FindError) -> Self {
        Unavailable::from(error).into()
    }
}

/// Recovers accounts.
pub struct Recovery {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// Their live sessions.
    pub live: Arc<LiveSessions>,
    /// Begins sessions.
    pub sessions: Arc<Sessions>,
    /// Asks for second factors.
    pub second_steps: Arc<SecondSteps>,
    /// Accepts and hashes new passwords.
    pub passwords: Arc<NewPasswords>,
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// Writes notices.
    pub notices: Arc<Notices>,
    /// The audit log.
    pub audit: Arc<Audit>,
}

impl Recovery {
    /// Sets a new password: all sessions end, and all other codes of the user are spent. Returns the tokens of a new
    /// session if the client is the one that asked, and the user has no second factor; whoever else has the code is not logged in.
    ///
    /// # Errors
    /// [`ResetError`].
    pub async fn reset(&self, new: NewPassword<'_>, client: &Client) -> Result<Option<Tokens>, ResetError> {
        let NewPassword { flow, code, secret, password, session } = new;
        self.limiter.take_of_address(Limit::Logins, client)?;
        self.passwords.check_length(password)?;
        let checked = self.proofs.check(flow, code, secret, &[Purpose::Reset]).await;
        let Confirmed { proof, is_asker } =
            checked.inspect_err(|error| log_refusal(&self.audit, error, flow, client))?;
        let sub = proof.sub.ok_or(CodeError::Spent)?;
        let found = self.accounts.by_id(sub).await?.ok_or(CodeError::Spent)?;
        let known = [Some(proof.address.as_str()), found.account.name.as_ref().map(PersonName::as_str)];
        let known = known.into_iter().flatten().map(str::to_owned).collect();
        let accepted = self.passwords.accept(password, known).await??;
        let lane = Lane::of(client, Some(proof.address.as_str()), Some(sub));
        let hash = self.passwords.hash(lane, &accepted).await?;

        let event = self.audit.event(Action::PasswordReset).to(sub).from(client);
        let mails = self.notices.password_changed(&found.account.readers(), Some(client));
        let spending =
            Spending { proof: &proof, attempt: ProofId::fresh(), now: self.proofs.now(), event: &event, mails: &mails };
        if !self.proofs.store().reset_password(&spending, &hash).await? {
            return Err(CodeError::Spent.into());
        }
        self.audit.log(&event);
        self.live.forget_all(sub, None).await;
        if !is_asker {
            return Ok(None);
        }
        Ok(first_session(&self.sessions, &self.second_steps, (sub, &hash), session, client).await?)
    }
}
