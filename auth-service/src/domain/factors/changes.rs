//! How users set up and remove their second factors.

use super::{CODES, Change, Factors, RecoveryCode, Replacing, Standing, StoredCode, TotpSecret, totp_sealed_for};
use crate::domain::{
    Client, Unavailable,
    accounts::Account,
    audit::{Action, Event},
    mail::{FactorChange, SealedMail},
    throttling::limits::Exceeded,
};
use shared::ids::{SessionId, UserId};
use std::time::Duration;
use zeroize::Zeroizing;

/// How often a change is tried again because something else was changed meanwhile.
const MAX_ROUNDS: usize = 4;

/// A user in a live session, who changes their own factors.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The user, as read.
    pub account: &'a Account,
    /// The session.
    pub session: SessionId,
    /// Where the request comes from.
    pub client: &'a Client,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The user has an app: it is removed before another one is set up.
    #[error("the user has an app already")]
    TotpExists,
    /// No app waits for its first code.
    #[error("no app waits for its first code")]
    TotpNotPending,
    /// The app's first code is another one.
    #[error("the code is wrong")]
    WrongCode,
    /// Recovery codes are for users who have a second factor.
    #[error("the user has no second factor")]
    NoSecondFactor,
    /// Too many from the client's address: each change sends mails.
    #[error("too many requests")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The user was changed meanwhile: the session is over.
    #[error("the session has ended")]
    SessionEnded,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Exceeded> for ChangeError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

/// What an app needs. Shown once.
pub struct NewTotp {
    /// The secret, to be typed.
    pub secret: Zeroizing<String>,
    /// The same as an address, to be scanned.
    pub uri: Zeroizing<String>,
}

/// An app was confirmed.
pub struct Confirmed {
    /// The recovery codes that the user got with it; `None`: the user has unused ones.
    pub recovery_codes: Option<Vec<RecoveryCode>>,
}

impl Factors {
    /// Makes the secret of an app. It is no factor before [`Factors::confirm_totp`].
    ///
    /// # Errors
    /// [`ChangeError::TotpExists`], [`ChangeError::TooMany`], [`ChangeError::SessionEnded`], [`ChangeError::Unavailable`].
    pub async fn begin_totp(&self, owner: Owner<'_>) -> Result<NewTotp, ChangeError> {
        self.admit_change(owner.client)?;
        let (account, secret) = (owner.account, TotpSecret::fresh());
        let sealed = self.secrets.seal(&totp_sealed_for(account.id), secret.bytes());
        if !self.store.begin_totp(owner.standing(), &sealed, self.clock.now()).await? {
            let has_totp = self.enrolled(account.id).await?.totp.is_some();
            return Err(if has_totp { ChangeError::TotpExists } else { ChangeError::SessionEnded });
        }
        Ok(NewTotp { secret: secret.expose(), uri: secret.uri(&self.issuer, account.email.as_str()) })
    }

    /// Makes the app a factor by its first code, which is good for nothing else. Whoever has no recovery codes gets some.
    ///
    /// # Errors
    /// [`ChangeError::TotpNotPending`], [`ChangeError::WrongCode`], [`ChangeError::SessionEnded`],
    /// [`ChangeError::Unavailable`].
    pub async fn confirm_totp(&self, owner: Owner<'_>, code: &str) -> Result<Confirmed, ChangeError> {
        let sub = owner.account.id;
        let event = self.event(Action::FactorAdd, owner).with("factor", "totp");
        let mails = self.mails(owner, FactorChange::TotpAdded);
        for _ in 0..MAX_ROUNDS {
            let totp = self.store.totp(sub).await?.filter(|totp| totp.confirmed_at.is_none());
            let totp = totp.ok_or(ChangeError::TotpNotPending)?;
            let step = self.opened(sub, &totp)?.step_of(code, self.clock.now(), totp.last_step);
            let step = step.ok_or(ChangeError::WrongCode)?;
            let has_codes = self.enrolled(sub).await?.recovery_codes_left > 0;
            let new = (!has_codes).then(|| self.fresh_codes(sub));
            let stored = new.as_ref().map(|(_, stored)| stored.as_slice());
            let change = Change { of: owner.standing(), event: &event, mails: &mails };
            if self.store.confirm_totp(change, &totp.sealed, step, stored).await? {
                self.audit.log(&event);
                return Ok(Confirmed { recovery_codes: new.map(|(codes, _)| codes) });
            }
        }
        Err(ChangeError::SessionEnded)
    }

    /// Removes the app, confirmed or not; nothing if there is none.
    ///
    /// # Errors
    /// [`ChangeError::SessionEnded`], [`ChangeError::Unavailable`].
    pub async fn remove_totp(&self, owner: Owner<'_>) -> Result<(), ChangeError> {
        let event = self.event(Action::FactorRemove, owner).with("factor", "totp");
        let mails = self.mails(owner, FactorChange::TotpRemoved);
        if self.store.remove_totp(Change { of: owner.standing(), event: &event, mails: &mails }).await? {
            self.audit.log(&event);
            return Ok(());
        }
        self.store.abandon_totp(owner.account.id).await?;
        match self.enrolled(owner.account.id).await?.totp {
            Some(_) => Err(ChangeError::SessionEnded),
            None => Ok(()),
        }
    }

    /// New recovery codes for a user with a second factor. Those of before are void.
    ///
    /// # Errors
    /// [`ChangeError::NoSecondFactor`], [`ChangeError::TooMany`], [`ChangeError::SessionEnded`],
    /// [`ChangeError::Unavailable`].
    pub async fn new_recovery_codes(&self, owner: Owner<'_>) -> Result<Vec<RecoveryCode>, ChangeError> {
        self.admit_change(owner.client)?;
        if let Some(codes) = self.replace_codes(owner, Replacing::All).await? {
            return Ok(codes);
        }
        let has_factor = self.enrolled(owner.account.id).await?.has_second_factor();
        Err(if has_factor { ChangeError::SessionEnded } else { ChangeError::NoSecondFactor })
    }

    /// Recovery codes for a user who has just set up a passkey; `None`: the user has unused ones.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn ensure_recovery_codes(&self, owner: Owner<'_>) -> Result<Option<Vec<RecoveryCode>>, Unavailable> {
        let has_codes = self.enrolled(owner.account.id).await?.recovery_codes_left > 0;
        if has_codes { Ok(None) } else { self.replace_codes(owner, Replacing::Used).await }
    }

    /// Removes all factors of a user, passkeys too, for an administrator (`by`) or an operator. `false`: there were none, or
    /// the user was changed meanwhile.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn reset(&self, account: &Account, by: Option<UserId>) -> Result<bool, Unavailable> {
        let event = self.audit.event(Action::FactorsReset).to(account.id);
        let event = by.into_iter().fold(event, Event::by);
        let mails = self.notices.factors_changed(&account.readers(), None, FactorChange::Reset);
        let of = Standing { sub: account.id, epoch: account.session_epoch, session: None };
        let is_done = self.store.remove_all(Change { of, event: &event, mails: &mails }).await?;
        if is_done {
            self.audit.log(&event);
        }
        Ok(is_done)
    }

    async fn replace_codes(
        &self,
        owner: Owner<'_>,
        replacing: Replacing,
    ) -> Result<Option<Vec<RecoveryCode>>, Unavailable> {
        let (codes, stored) = self.fresh_codes(owner.account.id);
        let event = self.event(Action::RecoveryCodesMake, owner);
        let mails = match replacing {
            Replacing::All => self.mails(owner, FactorChange::NewRecoveryCodes),
            // The notice of the factor that they come with is enough.
            Replacing::Used => Vec::new(),
        };
        let change = Change { of: owner.standing(), event: &event, mails: &mails };
        if !self.store.replace_recovery_codes(change, &stored, replacing).await? {
            return Ok(None);
        }
        self.audit.log(&event);
        Ok(Some(codes))
    }

    fn fresh_codes(&self, sub: UserId) -> (Vec<RecoveryCode>, Vec<StoredCode>) {
        let codes: Vec<RecoveryCode> = (0..CODES).map(|_| RecoveryCode::fresh()).collect();
        let stored = codes.iter().map(|code| code.stored(sub, &self.secrets)).collect();
        (codes, stored)
    }

    fn event(&self, action: Action, owner: Owner<'_>) -> Event {
        let sub = owner.account.id;
        self.audit.event(action).to(sub).by(sub).about(owner.session).from(owner.client)
    }

    fn mails(&self, owner: Owner<'_>, change: FactorChange) -> Vec<SealedMail> {
        self.notices.factors_changed(&owner.account.readers(), Some(owner.client), change)
    }
}

impl Owner<'_> {
    fn standing(&self) -> Standing {
        Standing { sub: self.account.id, epoch: self.account.session_epoch, session: Some(self.session) }
    }
}
