//! Ways in: login and registration, and the way back in without the password.

pub mod beginning;
pub mod by_mail;
pub mod login;
pub mod new_device;
pub mod passkey;
pub mod password_check;
pub mod pending;
pub mod recovery;
pub mod register;
pub mod second_factor;
pub mod trusted_devices;

use self::{
    beginning::NewSession,
    second_factor::{Asked, SecondSteps},
};
use super::{
    Client, Unavailable,
    accounts::FindError,
    audit::{Action, Audit},
    passwords::PasswordHash,
    proofs::CodeError,
    sessions::{Sessions, begin::BeginError, methods::Method, tokens::Tokens},
};
use shared::ids::{ProofId, UserId};

/// Logs a code that was not accepted. It is not stored: strangers could fill the audit log.
pub(in crate::domain) fn log_refusal(audit: &Audit, error: &CodeError, flow: ProofId, client: &Client) {
    let reason = match error {
        CodeError::Wrong { .. } => "wrong",
        CodeError::Spent => "spent",
        CodeError::Expired | CodeError::OtherClient | CodeError::Unavailable(_) => return,
    };
    let event = audit.event(Action::CodeRefused).failed().from(client);
    audit.log(&event.with("flow", flow.to_string()).with("reason", reason));
}

/// The first session of a user whose password was just set by the code of a mail, instead of the one of the request's cookie.
/// What was confirmed stays confirmed if the user was changed again meanwhile, or has a second factor, which a code by mail does
/// not replace: then there is none.
pub(in crate::domain) async fn first_session(
    sessions: &Sessions,
    second_steps: &SecondSteps,
    (sub, hash): (UserId, &PasswordHash),
    NewSession { transport, previous, .. }: NewSession,
    client: &Client,
) -> Result<Option<Tokens>, Unavailable> {
    let found = match second_steps.accounts.by_id(sub).await {
        Ok(found) => found.filter(|found| found.hash == *hash),
        Err(FindError::Unreadable(_)) => None,
        Err(FindError::Unavailable(error)) => return Err(error),
    };
    let Some(found) = found else { return Ok(None) };
    let Asked::Nothing(shown) = second_steps.after(Method::Mail, &found.account, None, client).await? else {
        return Ok(None);
    };
    if let Some(previous) = &previous {
        sessions.logout(previous, client).await?;
    }
    match sessions.begin(found, shown, transport, client).await {
        Ok(tokens) => Ok(Some(tokens)),
        Err(BeginError::Disabled | BeginError::Outdated) => Ok(None),
        Err(BeginError::Unavailable(error)) => Err(error),
    }
}
