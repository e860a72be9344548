//! A user shows that the address of the account reaches them.

use crate::domain::{
    Client,
    mail::MailKind,
    proofs::{AskError, Flow, Proofs, Purpose},
    sessions::caller::Caller,
    throttling::{limiter::Limiter, limits::Limit},
};
use std::sync::Arc;

/// Verifies the addresses of users.
pub struct Verification {
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// The limits.
    pub limiter: Arc<Limiter>,
}

impl Verification {
    /// Sends a code to the caller's address: the same one as before while that is good.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, caller: &Caller, client: &Client) -> Result<Flow, AskError> {
        let Self { proofs, limiter } = self;
        limiter.take_of_address(Limit::Mails, client)?;
        let account = &caller.account;
        let (sub, epoch) = (account.id, account.session_epoch);
        let waiting = proofs.store().unspent_of(sub, Purpose::Verify, proofs.now()).await?;
        let waiting = waiting.filter(|proof| proof.epoch == epoch && proof.address == account.email);
        let new = || proofs.about(Purpose::Verify, Some(sub), account.email.clone(), epoch);
        let proof = waiting.unwrap_or_else(new);
        proofs.ask(&proof, MailKind::AddressVerification, true, client).await?;
        Ok(proofs.flow(&proof))
    }
}
