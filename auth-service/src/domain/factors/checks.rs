//! Whether what a user shows is right. Wrong ones are counted for the account, whatever they were shown for: each try is
//! counted before it is looked at, so that no number of parallel tries exceeds the limits, and a right one takes it back.

use super::{Change, Factors, RecoveryCode, Shown, Standing, Try};
use crate::domain::{Client, Unavailable, accounts::Account, audit::Action};
use std::time::Duration;

/// How often a code is compared again because something else was changed meanwhile.
const MAX_ROUNDS: usize = 10;

/// Why what was shown is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// It is wrong, or used.
    #[error("the second factor is wrong")]
    Wrong,
    /// Too many were wrong lately. Right ones are refused too.
    #[error("too many wrong second factors")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many codes in a row were wrong: none from an app is accepted before a recovery code was, or an administrator has
    /// reset the factors, or the user has set up an app again.
    #[error("too many wrong codes in a row")]
    Resting,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Factors {
    /// Accepts a code from the user's app, once.
    ///
    /// # Errors
    /// [`FactorError`].
    pub async fn check_totp(&self, account: &Account, code: &str, client: &Client) -> Result<(), FactorError> {
        self.count_try(account, Shown::Totp).await?;
        if self.accepts_totp(account, code).await? {
            return Ok(());
        }
        Err(self.wrong(account, Shown::Totp, client).await)
    }

    /// Accepts a recovery code, once, and notifies the user.
    ///
    /// # Errors
    /// [`FactorError`]; never [`FactorError::Resting`].
    pub async fn check_recovery_code(&self, account: &Account, code: &str, client: &Client) -> Result<(), FactorError> {
        self.count_try(account, Shown::RecoveryCode).await?;
        let code = RecoveryCode::parse(code);
        if let Some(code) = code
            && self.accepts_recovery_code(account, &code, client).await?
        {
            return Ok(());
        }
        Err(self.wrong(account, Shown::RecoveryCode, client).await)
    }

    /// Counts a try, before what is shown is looked at. What turns out to be right is followed by [`Factors::succeeded`], and
    /// what is not by [`Factors::wrong`].
    ///
    /// # Errors
    /// [`FactorError`]: nothing that is shown may be accepted now; never [`FactorError::Wrong`].
    pub async fn count_try(&self, account: &Account, shown: Shown) -> Result<(), FactorError> {
        match self.store.count_try(account.id, shown, self.clock.now()).await? {
            Try::Counted => Ok(()),
            Try::TooMany { retry_after } => Err(FactorError::TooManyAttempts { retry_after }),
            Try::Resting => Err(FactorError::Resting),
        }
    }

    /// A passkey was right: wrong tries of the last minutes no longer count. Codes do this by themselves.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn succeeded(&self, account: &Account) -> Result<(), Unavailable> {
        self.store.forget_recent_tries(account.id).await
    }

    /// Records that what was shown is wrong.
    pub async fn wrong(&self, account: &Account, shown: Shown, client: &Client) -> FactorError {
        let event = self.audit.event(Action::SecondFactor).failed().to(account.id).from(client);
        self.audit.record(event.with("by", shown.name())).await;
        FactorError::Wrong
    }

    async fn accepts_totp(&self, account: &Account, code: &str) -> Result<bool, Unavailable> {
        for _ in 0..MAX_ROUNDS {
            let totp = self.store.totp(account.id).await?.filter(|totp| totp.confirmed_at.is_some());
            let Some(totp) = totp else { break };
            let secret = self.opened(account.id, &totp)?;
            let Some(step) = secret.step_of(code, self.clock.now(), totp.last_step) else { break };
            if self.store.accept_totp(standing(account), &totp.sealed, step).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn accepts_recovery_code(
        &self,
        account: &Account,
        code: &RecoveryCode,
        client: &Client,
    ) -> Result<bool, Unavailable> {
        let macs = code.macs(account.id, &self.secrets);
        for _ in 0..MAX_ROUNDS {
            let unused = self.store.recovery_codes(account.id).await?;
            let Some(mac) = unused.iter().find(|mac| macs.contains(mac)) else { break };
            let left = unused.len() - 1;
            let event = self.audit.event(Action::RecoveryCodeUse).to(account.id).by(account.id).from(client);
            let event = event.with("left", left);
            let mails = self.notices.recovery_code_used(&account.readers(), client, left);
            let change = Change { of: standing(account), event: &event, mails: &mails };
            if self.store.use_recovery_code(change, mac, unused.len()).await? {
                self.audit.log(&event);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whoever shows a factor may have no session yet.
fn standing(account: &Account) -> Standing {
    Standing { sub: account.id, epoch: account.session_epoch, session: None }
}
