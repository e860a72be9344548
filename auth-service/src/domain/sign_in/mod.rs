//! Ways in: login and registration, and the way back in without the password.

pub mod by_mail;
pub mod login;
pub mod password_check;
pub mod recovery;
pub mod register;

use super::{
    Client, Unavailable,
    accounts::{Accounts, FindError},
    passwords::PasswordHash,
    sessions::{
        Sessions,
        begin::BeginError,
        refresh_token::{RefreshClaims, Transport},
        tokens::Tokens,
    },
};
use shared::ids::UserId;

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
    match sessions.begin(found, transport, client).await {
        Ok(tokens) => Ok(Some(tokens)),
        Err(BeginError::Disabled | BeginError::Outdated) => Ok(None),
        Err(BeginError::Unavailable(error)) => Err(error),
    }
}
