//! A mail that lets its reader in: to set a new password, or to log in without one.

use crate::domain::{
    Client,
    accounts::{Accounts, EmailAddress, Epoch, FindError},
    audit::{Action, Audit},
    mail::MailKind,
    proofs::{AskError, Flow, FlowSecret, Proof, Proofs, Purpose},
    throttling::{limiter::Limiter, limits::Limit},
};
use shared::ids::ProofId;
use std::sync::Arc;

/// What the mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To set a new password.
    NewPassword,
    /// To log in.
    Login,
}

impl Way {
    const fn parts(self) -> (Purpose, MailKind, Action) {
        match self {
            Self::NewPassword => (Purpose::Reset, MailKind::PasswordReset, Action::PasswordForgot),
            Self::Login => (Purpose::Login, MailKind::LoginCode, Action::LoginCode),
        }
    }
}

/// Why no mail was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LoginCodeError {
    /// Logins by code are not offered.
    #[error("logins by code are off")]
    Off,
    /// See there.
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Asks for codes that let their reader in.
pub struct ByMail {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Whether logins by code are offered.
    pub has_login_codes: bool,
}

impl ByMail {
    /// Whether logins by code are offered: ask before anything that depends on the request's content.
    ///
    /// # Errors
    /// [`LoginCodeError::Off`].
    pub fn admit_login(&self) -> Result<(), LoginCodeError> {
        if self.has_login_codes { Ok(()) } else { Err(LoginCodeError::Off) }
    }

    /// Asks for a code by mail. The answer, and the work, is the same whether or not there is an account; only a user who
    /// is not disabled gets a mail.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(
        &self,
        way: Way,
        email: EmailAddress,
        flow: Option<(ProofId, &FlowSecret)>,
        client: &Client,
    ) -> Result<Flow, AskError> {
        let (purpose, kind, action) = way.parts();
        self.limiter.take_of_address(Limit::Mails, client)?;
        let account = match self.accounts.by_email(&email).await {
            Ok(found) => found.map(|found| found.account).filter(|account| !account.disabled),
            Err(FindError::Unreadable(_)) => None,
            Err(FindError::Unavailable(error)) => return Err(error.into()),
        };
        let (sub, epoch) = account.as_ref().map_or((None, Epoch::FIRST), |found| (Some(found.id), found.session_epoch));
        let waiting = self.proofs.waiting(flow, purpose, &email).await?;
        // The flow stays the same even if the account is another one by now: a new one would reveal that.
        let proof = match waiting {
            Some(waiting) => Proof { sub, epoch, ..waiting },
            None => self.proofs.about(purpose, sub, email, epoch),
        };
        self.proofs.ask(&proof, kind, sub.is_some(), client).await?;
        if let Some(sub) = sub {
            self.audit.record_in_background(self.audit.event(action).to(sub).from(client));
        }
        Ok(self.proofs.flow(&proof))
    }
}
