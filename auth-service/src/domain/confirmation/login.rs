//! A login without the password.

use super::{ConfirmError, Confirmer, NewSession};
use crate::{
    domain::{
        Client,
        audit::Action,
        proofs::{CodeError, Proof},
        sessions::{begin::BeginError, methods::Method, tokens::Tokens},
        sign_in::second_factor::Asked,
    },
    metrics::LOGINS,
};

impl Confirmer {
    /// Begins a session, and ends the one of the request's cookie. The code has shown that the address reaches the user.
    pub(super) async fn log_in(
        &self,
        proof: &Proof,
        session: NewSession,
        client: &Client,
    ) -> Result<Option<Tokens>, ConfirmError> {
        let sub = proof.sub.ok_or(CodeError::Spent)?;
        self.live.has_room_for(sub).await?;
        let event = self.audit.event(Action::EmailVerify).to(sub).by(sub).from(client);
        let spending = self.spending(proof, &event, &[]);
        self.done(self.proofs.store().log_in(&spending).await?, &event)?;
        let found = self.accounts.by_id(sub).await?;
        // Another epoch is this login's own only if it has removed the password.
        let is_ours = |epoch, has_password: bool| epoch == proof.epoch || !has_password;
        let found = found.filter(|found| is_ours(found.account.session_epoch, !found.hash.is_none()));
        let found = found.ok_or(CodeError::Spent)?;
        if found.account.session_epoch != proof.epoch {
            self.live.forget_all(sub, None).await;
        }
        let asked = self.second_steps.after(Method::Mail, &found.account, session.device, client).await?;
        let shown = match asked {
            Asked::Nothing(shown) => shown,
            Asked::SecondFactor(step) => {
                LOGINS.add("second_factor");
                return Err(ConfirmError::SecondFactor(step));
            }
        };
        let tokens = self.beginning.begin(found, shown, session, client).await.map_err(|error| match error {
            BeginError::Disabled | BeginError::Outdated => CodeError::Spent,
            BeginError::Unavailable(error) => error.into(),
        })?;
        LOGINS.add("success");
        Ok(Some(tokens))
    }
}
