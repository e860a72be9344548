//! Login: exchanges a password for a new session.

use super::{
    beginning::NewSession,
    password_check::{CheckError, PasswordCheck, report_unusable_hash},
    second_factor::{Asked, SecondStep, SecondSteps},
};
use crate::{
    domain::{
        Client, Unavailable,
        accounts::{Account, Accounts, Credentials, EmailAddress, FindError, Unreadable},
        audit::{Action, Audit, Event},
        mail::MailKind,
        passwords::{Password, pool::NotComputed, stored_hash::Unusable},
        proofs::{Proofs, Purpose},
        sessions::{begin::BeginError, live::LiveSessions, methods::Method, tokens::Tokens},
    },
    metrics::LOGINS,
};
use shared::ids::UserId;
use std::sync::Arc;

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The password is right, but the account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The password is right, but the address is not verified. A mail with a code was sent to it.
    #[error("the address is not verified")]
    Unverified,
    /// The password is right, and the user has a second factor.
    #[error("the second factor is asked for")]
    SecondFactor(Box<SecondStep>),
    /// The password was not accepted.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl From<Unavailable> for LoginError {
    fn from(error: Unavailable) -> Self {
        Self::Check(error.into())
    }
}

impl From<BeginError> for LoginError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Disabled => Self::Disabled,
            BeginError::Outdated => Self::Check(CheckError::Wrong),
            BeginError::Unavailable(error) => error.into(),
        }
    }
}

impl LoginError {
    /// The outcome's name in the metrics.
    const fn name(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Unverified => "unverified",
            Self::SecondFactor(_) => "second_factor",
            Self::Check(CheckError::Wrong | CheckError::Missing) => "invalid",
            Self::Check(CheckError::TooManyAttempts { .. }) => "throttled",
            Self::Check(CheckError::NotComputed(NotComputed::Overloaded)) => "overloaded",
            Self::Check(CheckError::NotComputed(NotComputed::Failed)) => "failed",
            Self::Check(CheckError::Unavailable(_)) => "unavailable",
        }
    }
}

/// The input of a login.
pub struct LoginAttempt<'a> {
    /// The e-mail address, if the text that was given is one.
    pub email: Option<EmailAddress>,
    /// The password.
    pub password: &'a Password,
    /// The session that is to begin.
    pub session: NewSession,
}

/// What keeps a user out who has shown enough.
pub(super) enum Obstacle {
    /// The account is disabled.
    Disabled,
    /// The address is not verified. A mail with a code was sent to it.
    Unverified,
}

/// Logs in.
pub struct SignIn {
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) check: Arc<PasswordCheck>,
    pub(super) live: Arc<LiveSessions>,
    pub(super) second_steps: Arc<SecondSteps>,
    pub(super) audit: Arc<Audit>,
    verification: Option<Arc<Proofs>>,
}

impl SignIn {
    /// For the users of a store. With `verification`, only those whose address is verified log in.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        check: Arc<PasswordCheck>,
        live: Arc<LiveSessions>,
        second_steps: Arc<SecondSteps>,
        audit: Arc<Audit>,
        verification: Option<Arc<Proofs>>,
    ) -> Self {
        Self { accounts, check, live, second_steps, audit, verification }
    }

    /// Logs in, and ends the session of the request's cookie.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(&self, attempt: LoginAttempt<'_>, client: &Client) -> Result<Tokens, LoginError> {
        let outcome = self.logged_in(attempt, client).await;
        LOGINS.add(outcome.as_ref().map_or_else(LoginError::name, |_| "success"));
        outcome
    }

    async fn logged_in(&self, attempt: LoginAttempt<'_>, client: &Client) -> Result<Tokens, LoginError> {
        let LoginAttempt { email, password, session } = attempt;
        // Whether a device is known is decided once the account is found, so its neighbours cannot use up its attempts.
        if client.device.is_none() || email.is_none() {
            self.check.admit(email.as_ref(), client)?;
        }
        let Some(email) = email else {
            let refused = self.check.check_nobody(password, client).await;
            if let CheckError::Wrong = refused {
                self.audit.log(&self.failed(client).with("reason", "no_address"));
            }
            return Err(refused.into());
        };
        let checked = self.checked(&email, password, client).await?;
        match self.obstacle(&checked.account, client).await? {
            Some(Obstacle::Disabled) => return Err(LoginError::Disabled),
            Some(Obstacle::Unverified) => return Err(LoginError::Unverified),
            None => {}
        }
        match self.second_steps.after(Method::Password, &checked.account, session.device, client).await? {
            Asked::Nothing(shown) => Ok(self.second_steps.beginning.begin(checked, shown, session, client).await?),
            Asked::SecondFactor(step) => Err(LoginError::SecondFactor(step)),
        }
    }

    /// Why a user who has shown enough does not get in, if so: disabled, or an address that is not verified.
    pub(super) async fn obstacle(&self, account: &Account, client: &Client) -> Result<Option<Obstacle>, Unavailable> {
        if account.disabled {
            let event = self.failed(client).to(account.id);
            self.audit.record(event.with("reason", "account_disabled")).await;
            return Ok(Some(Obstacle::Disabled));
        }
        if self.verification.is_some() && account.email_verified_at.is_none() {
            self.ask_to_verify(account, client).await?;
            return Ok(Some(Obstacle::Unverified));
        }
        Ok(None)
    }

    /// Sends a user who has shown enough a mail to verify the address.
    async fn ask_to_verify(&self, account: &Account, client: &Client) -> Result<(), Unavailable> {
        if let Some(proofs) = &self.verification {
            let (sub, epoch) = (account.id, account.session_epoch);
            let waiting = proofs.store().unspent_of(sub, Purpose::Verify, proofs.now()).await?;
            let waiting = waiting.filter(|proof| proof.epoch == epoch && proof.address == account.email);
            let new = || proofs.about(Purpose::Verify, Some(sub), account.email.clone(), epoch);
            proofs.ask(&waiting.unwrap_or_else(new), MailKind::AddressVerification, true, client).await?;
        }
        let event = self.failed(client).to(account.id);
        self.audit.record(event.with("reason", "email_unverified")).await;
        Ok(())
    }

    async fn checked(
        &self,
        email: &EmailAddress,
        password: &Password,
        client: &Client,
    ) -> Result<Credentials, CheckError> {
        let (found, unreadable) = match self.accounts.by_email(email).await {
            Ok(found) => (found, None),
            Err(FindError::Unreadable(unreadable)) => (None, Some(unreadable)),
            Err(FindError::Unavailable(error)) => return Err(error.into()),
        };
        let sub = found.as_ref().map(|found| found.account.id).or_else(|| unreadable?.id);
        if client.device.is_some() && client.known_by(sub).is_none() {
            self.check.take_of_address(client)?;
        }
        // Checked whether or not the user exists, so that a refusal reveals nothing.
        self.live.has_room_for(sub.unwrap_or_else(UserId::fresh)).await?;
        let checked = self.check.check(email, found, password, client).await;
        if let Err(CheckError::Wrong) = &checked {
            self.record_failure(sub, unreadable, client);
        }
        checked
    }

    fn record_failure(&self, sub: Option<UserId>, unreadable: Option<Unreadable>, client: &Client) {
        if let Some(Unreadable { id: Some(id), column }) = unreadable {
            report_unusable_hash(id, Unusable::Row { column });
        }
        match sub {
            Some(sub) => self.audit.record_in_background(self.failed(client).to(sub)),
            None => self.audit.log(&self.failed(client).with("reason", "unknown_address")),
        }
    }

    pub(super) fn failed(&self, client: &Client) -> Event {
        self.audit.event(Action::Login).failed().from(client)
    }
}
