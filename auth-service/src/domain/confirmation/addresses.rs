//! Addresses of accounts: verified, changed, restored, added.

use super::{ConfirmError, Confirmer};
use crate::domain::{
    Client,
    accounts::{Account, EmailAddress},
    audit::Action,
    mail::Readers,
    proofs::{CodeError, Proof, Purpose},
};

impl Confirmer {
    pub(super) async fn verify(&self, proof: &Proof, client: &Client) -> Result<(), ConfirmError> {
        let sub = proof.sub.ok_or(CodeError::Spent)?;
        let event = self.audit.event(Action::EmailVerify).to(sub).by(sub).from(client);
        let spending = self.spending(proof, &event, &[]);
        self.done(self.proofs.store().verify_address(&spending).await?, &event)
    }

    /// Changes the address, and sends the old one a mail with which that is undone.
    pub(super) async fn change_address(&self, proof: &Proof, client: &Client) -> Result<(), ConfirmError> {
        let user = self.user(proof).await?;
        let undo = self.proofs.about(Purpose::UndoEmail, Some(user.id), user.email.clone(), user.session_epoch);
        let event = self.audit.event(Action::EmailChange).to(user.id).by(user.id).from(client);
        let old = Readers { addresses: vec![&user.email], language: user.language };
        let others = readers(&user, [Some(&proof.address), user.second_email.as_ref()]);
        let mut mails = self.notices.address_changed(&old, client, &self.proofs.link(&undo));
        mails.extend(self.notices.address_changed(&others, client, ""));
        let spending = self.spending(proof, &event, &mails);
        self.done(self.proofs.store().change_address(&spending, &user, &undo).await?, &event)
    }

    /// Undoes a change of the address. Whoever made it knows the password and may have sessions: both end.
    pub(super) async fn restore_address(&self, proof: &Proof, client: &Client) -> Result<(), ConfirmError> {
        let user = self.user(proof).await?;
        let event = self.audit.event(Action::EmailRestore).to(user.id).from(client);
        let told = readers(&user, [Some(&user.email), user.second_email.as_ref(), Some(&proof.address)]);
        let mails = self.notices.address_changed(&told, client, "");
        let spending = self.spending(proof, &event, &mails);
        self.done(self.proofs.store().restore_address(&spending, &user).await?, &event)?;
        self.live.forget_all(user.id, None).await;
        Ok(())
    }

    pub(super) async fn set_second_address(&self, proof: &Proof, client: &Client) -> Result<(), ConfirmError> {
        let user = self.user(proof).await?;
        let event = self.audit.event(Action::SecondEmailChange).to(user.id).by(user.id).from(client);
        let told = readers(&user, [Some(&user.email), Some(&proof.address), user.second_email.as_ref()]);
        let mails = self.notices.second_address_changed(&told, client);
        let spending = self.spending(proof, &event, &mails);
        self.done(self.proofs.store().set_second_address(&spending).await?, &event)
    }
}

/// A user, at these addresses.
fn readers<'a>(user: &Account, addresses: impl IntoIterator<Item = Option<&'a EmailAddress>>) -> Readers<'a> {
    Readers { addresses: addresses.into_iter().flatten().collect(), language: user.language }
}
