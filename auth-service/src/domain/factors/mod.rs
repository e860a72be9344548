//! Second factors: an app that shows codes, recovery codes, and what counts wrong ones of every kind. Passkeys have a room of
//! their own; that a user has some is known here.
//!
//! A factor's change is written only while the user stands as read ([`Standing`]); with its audit event and its notices, in
//! one transaction.

mod changes;
mod checks;
mod recovery_code;
mod seals;
mod store;
mod totp;

pub use self::{
    changes::{ChangeError, Confirmed, NewTotp, Owner},
    checks::FactorError,
    recovery_code::{CODES, RecoveryCode, StoredCode},
    seals::{FactorSeals, SealedFactors},
    store::{
        Change, Enrolled, FactorStore, MAX_IN_A_ROW, MAX_RECENT, Replacing, Shown, Standing, StoredTotp, Try, WINDOW,
    },
    totp::TotpSecret,
};

use super::{
    Client, Unavailable,
    audit::Audit,
    mail::Notices,
    secrets::KeyRing,
    throttling::{
        limiter::Limiter,
        limits::{Exceeded, Limit},
    },
};
use shared::{clock::Clock, ids::UserId};
use std::sync::Arc;

/// Enrols, checks and removes second factors.
pub struct Factors {
    store: Arc<dyn FactorStore>,
    secrets: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    audit: Arc<Audit>,
    notices: Arc<Notices>,
    limiter: Arc<Limiter>,
    /// What apps call this service.
    issuer: String,
}

impl Factors {
    /// The factors of an installation, which apps show under the name `issuer`.
    #[must_use]
    pub fn new(
        store: Arc<dyn FactorStore>,
        secrets: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        audit: Arc<Audit>,
        notices: Arc<Notices>,
        limiter: Arc<Limiter>,
        issuer: String,
    ) -> Self {
        Self { store, secrets, clock, audit, notices, limiter, issuer }
    }

    /// What a user has.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn enrolled(&self, sub: UserId) -> Result<Enrolled, Unavailable> {
        self.store.enrolled(sub).await
    }

    /// Takes one of the mails that the client's address may cause: each change of factors sends some.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn admit_change(&self, client: &Client) -> Result<(), Exceeded> {
        self.limiter.take_of_address(Limit::Mails, client)
    }

    /// The secret of a user's app.
    fn opened(&self, sub: UserId, totp: &StoredTotp) -> Result<TotpSecret, Unavailable> {
        let opened = self.secrets.open(&totp_sealed_for(sub), &totp.sealed);
        let unavailable = |cause: &str| Unavailable { store: "the secret of an app", cause: cause.to_owned() };
        let bytes = opened.map_err(|error| unavailable(&error.to_string()))?;
        TotpSecret::from_bytes(&bytes).ok_or_else(|| unavailable("it has another length"))
    }
}

fn totp_sealed_for(sub: UserId) -> String {
    format!("totp {sub}")
}
