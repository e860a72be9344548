//! Ways in: login and registration, and the way back in without the password.

pub mod by_mail;
pub mod login;
pub mod new_device;
pub mod password_check;
pub mod recovery;
pub mod register;

use super::{
    Client, Unavailable,
    accounts::{Accounts, FindError},
    audit::{Action, Audit},
    passwords::PasswordHash,
    proofs::CodeError,
    sessions::{
        Sessions,
        begin::BeginError,
        methods::Method,
        refresh_token::{RefreshClaims, Transport},
        tokens::Tokens,
    },
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

/// The first session of a user whose password was just set, instead of the one of the request's cookie. What was confirmed stays confirmed if the user was changed
/// again meanwhile: then there is none.
pub(in crate::domain) async fn first_session(
    accounts: &dyn Accounts,
    sessions: &Sessions,
    (sub, hash, previous): (UserId, &PasswordHash, Option<RefreshClaims>),
    transport: Transport,
    client: &Client,
) -> Result<Option<Tokens>, Unavailable> {
    let found = match accounts.by_id(sub).await {
        Ok(found) => found.filter(|found| found.hash == *hash),
        Err(FindError::Unreadable(_)) => None,
        Err(FindError::Unavailable(error)) => return Err(error),
    };
    let Some(found) = found else { return Ok(None) };
    if let Some(previous) = &previous {
        sessions.logout(previous, client).await?;
    }
    match sessions.begin(found, Method::Mail.into(), transport, client).await {
        Ok(tokens) => Ok(Some(tokens)),
        Err(BeginError::Disabled | BeginError::Outdated) => Ok(None),
        Err(BeginError::Unavailable(error)) => Err(error),
    }
}
