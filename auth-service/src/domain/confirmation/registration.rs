//! A registration is completed.

use super::{ConfirmError, Confirmer, NewSession};
use crate::domain::{
    Client,
    accounts::{NewAccount, PersonName},
    audit::{Action, Event},
    passwords::PasswordHash,
    proofs::{CodeError, Proof},
    sessions::tokens::Tokens,
    sign_in::{first_session, register::Pending},
};
use serde_json::Map;
use shared::ids::UserId;

impl Confirmer {
    pub(super) async fn register(
        &self,
        proof: &Proof,
        session: NewSession,
        client: &Client,
    ) -> Result<Option<Tokens>, ConfirmError> {
        let Pending { hash, name } = self.proofs.payload(proof).ok_or(CodeError::Spent)?;
        let name = name.as_deref().map(PersonName::parse).transpose().map_err(|_| CodeError::Spent)?;
        let hash = PasswordHash(hash.as_str().to_owned());
        let account = self.verified(proof, name, hash, vec![self.default_role.clone()], client);
        let event = self.audit.event(Action::Register).to(account.id).by(account.id).from(client);
        self.create(proof, &account, event, session, client).await
    }

    /// A new user whose address is verified.
    pub(super) fn verified(
        &self,
        proof: &Proof,
        name: Option<PersonName>,
        hash: PasswordHash,
        roles: Vec<String>,
        client: &Client,
    ) -> NewAccount {
        let now = self.proofs.now();
        NewAccount {
            id: UserId::fresh(),
            email: proof.address.clone(),
            name,
            hash,
            roles,
            custom: Map::new(),
            created_at: now,
            email_verified_at: Some(now),
            language: client.language,
            by: None,
        }
    }

    /// Creates the user, and begins the first session.
    pub(super) async fn create(
        &self,
        proof: &Proof,
        account: &NewAccount,
        event: Event,
        session: NewSession,
        client: &Client,
    ) -> Result<Option<Tokens>, ConfirmError> {
        let spending = self.spending(proof, &event, &[]);
        self.done(self.proofs.store().register(&spending, account).await?, &event)?;
        let begun = (account.id, &account.hash);
        Ok(first_session(&self.sessions, &self.second_steps, begun, session, client).await?)
    }
}
