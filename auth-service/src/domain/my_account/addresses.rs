//! What users do with the addresses of their account: verify, change, and add a second one for notices. Each new address
//! counts only once a code from a mail to it comes back ([`crate::domain::confirmation`]).

use super::change_password::PasswordError;
use crate::domain::{
    Client, Unavailable,
    accounts::{Accounts, Checked, EmailAddress},
    audit::{Action, Audit},
    mail::{MailKind, Notices},
    passwords::Password,
    proofs::{AskError, Flow, Proofs, Purpose},
    sessions::{caller::Caller, live::LiveSessions},
    sign_in::password_check::{CheckError, PasswordCheck},
    throttling::{limiter::Limiter, limits::Limit},
};
use std::sync::Arc;

/// Why a new address was not asked for, or an address not removed.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The password was not confirmed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// No mail was asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It is the address that the account has.
    #[error("the account has this address")]
    Same,
}

impl From<Unavailable> for AddressError {
    fn from(error: Unavailable) -> Self {
        Self::Ask(error.into())
    }
}

/// A new address, and the password of the caller, unless the caller has just shown in another way who they are: a session alone
/// must not be enough to take the account over.
pub struct NewAddress<'a> {
    /// The address.
    pub address: EmailAddress,
    /// The current password.
    pub password: Option<&'a Password>,
}

/// Verifies and changes the addresses of users.
pub struct Addresses {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// Their live sessions.
    pub live: Arc<LiveSessions>,
    /// Checks passwords.
    pub check: Arc<PasswordCheck>,
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// Writes notices.
    pub notices: Arc<Notices>,
    /// The audit log.
    pub audit: Arc<Audit>,
}

impl Addresses {
    /// Sends a code to the caller's address: the same one as before while that is good.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn verify(&self, caller: &Caller, client: &Client) -> Result<Flow, AskError> {
        self.limiter.take_of_address(Limit::Mails, client)?;
        let address = caller.account.email.clone();
        self.ask(caller, Purpose::Verify, MailKind::AddressVerification, address, client).await
    }

    /// Sends a code to the address that the caller's account is to have. One that another account has gets a mail that says
    /// so, and the caller the same answer.
    ///
    /// # Errors
    /// [`AddressError`].
    pub async fn change(&self, caller: &Caller, new: NewAddress<'_>, client: &Client) -> Result<Flow, AddressError> {
        if new.address == caller.account.email {
            return Err(AddressError::Same);
        }
        self.confirm(caller, new.password, client).await?;
        let is_taken = self.accounts.is_taken(&new.address).await?;
        let kind = if is_taken { MailKind::AlreadyRegistered } else { MailKind::AddressChange };
        Ok(self.ask(caller, Purpose::ChangeEmail, kind, new.address, client).await?)
    }

    /// Sends a code to an address to which notices are to go as well.
    ///
    /// # Errors
    /// [`AddressError`].
    pub async fn add_second(
        &self,
        caller: &Caller,
        new: NewAddress<'_>,
        client: &Client,
    ) -> Result<Flow, AddressError> {
        if new.address == caller.account.email {
            return Err(AddressError::Same);
        }
        self.confirm(caller, new.password, client).await?;
        Ok(self.ask(caller, Purpose::SecondEmail, MailKind::AddressVerification, new.address, client).await?)
    }

    /// Removes the second address; it gets the last notice.
    ///
    /// # Errors
    /// [`AddressError`].
    pub async fn remove_second(
        &self,
        caller: &Caller,
        password: Option<&Password>,
        client: &Client,
    ) -> Result<(), AddressError> {
        self.check.take_of_address(client).map_err(PasswordError::from)?;
        let hash = self.check.confirm(caller, password, client).await.map_err(PasswordError::from)?.hash;
        let account = &caller.account;
        let checked = Checked { hash: &hash, epoch: account.session_epoch, session: caller.session };
        let mails = match account.second_email {
            Some(_) => self.notices.second_address_changed(&account.readers(), client),
            None => return Ok(()),
        };
        if !self.accounts.remove_second_email(account.id, &checked, &mails).await? {
            let error = match self.live.status_of_caller(caller).await? {
                Some(_) => CheckError::Wrong.into(),
                None => PasswordError::SessionEnded,
            };
            return Err(error.into());
        }
        let event = self.audit.event(Action::SecondEmailChange).to(account.id).by(account.id);
        self.audit.record(event.about(caller.session).from(client)).await;
        Ok(())
    }

    async fn confirm(&self, caller: &Caller, password: Option<&Password>, client: &Client) -> Result<(), AddressError> {
        self.limiter.take_of_address(Limit::Mails, client).map_err(AskError::from)?;
        self.check.take_of_address(client).map_err(PasswordError::from)?;
        self.check.confirm(caller, password, client).await.map_err(PasswordError::from)?;
        Ok(())
    }

    async fn ask(
        &self,
        caller: &Caller,
        purpose: Purpose,
        kind: MailKind,
        address: EmailAddress,
        client: &Client,
    ) -> Result<Flow, AskError> {
        let (proofs, account) = (&self.proofs, &caller.account);
        let (sub, epoch) = (account.id, account.session_epoch);
        let waiting = proofs.store().unspent_of(sub, purpose, proofs.now()).await?;
        let waiting = waiting.filter(|proof| proof.epoch == epoch && proof.address == address);
        let proof = waiting.unwrap_or_else(|| proofs.about(purpose, Some(sub), address, epoch));
        proofs.ask(&proof, kind, true, client).await?;
        Ok(proofs.flow(&proof))
    }
}
