//! An invitation is accepted.

use super::{ConfirmError, Confirmer, NewSession};
use crate::domain::{
    Client,
    accounts::{NewAccount, PersonName},
    admin::{authority::may_invite, invitations::Invited, users::checked_roles},
    audit::Action,
    passwords::{Password, pool::Lane},
    proofs::{CodeError, Proof},
    sessions::tokens::Tokens,
};

impl Confirmer {
    /// Creates the user with the roles of the invitation, if whoever invited may still give them.
    pub(super) async fn accept(
        &self,
        proof: &Proof,
        password: Option<&Password>,
        name: Option<PersonName>,
        session: NewSession,
        client: &Client,
    ) -> Result<Option<Tokens>, ConfirmError> {
        if !self.has_invitations {
            return Err(CodeError::Spent.into());
        }
        let password = password.ok_or(ConfirmError::NoPassword)?;
        let Invited { roles, by } = self.proofs.payload(proof).ok_or(CodeError::Spent)?;
        let admin = self.accounts.by_id(by).await?.ok_or(CodeError::Spent)?.account;
        let roles = checked_roles(&self.roles, roles).map_err(|_| CodeError::Spent)?;
        may_invite(&self.roles, &admin, &roles).map_err(|_| CodeError::Spent)?;
        let lane = Lane::of(client, Some(proof.address.as_str()), None);
        let hash = self.creator.hash(&proof.address, name.as_ref(), password, lane).await?;
        let account = NewAccount { by: Some(admin.seen()), ..self.verified(proof, name, hash, roles, client) };
        let event = self.audit.event(Action::Register).to(account.id).by(account.id).from(client);
        let event = event.with("invitation", proof.id.to_string()).with("invited_by", by.to_string());
        let event = event.with("roles", account.roles.clone());
        self.create(proof, &account, event, session, client).await
    }
}
