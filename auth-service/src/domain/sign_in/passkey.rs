//! Login with a passkey, and nothing else: it says whose it is.

use super::{
    beginning::NewSession,
    login::{Obstacle, SignIn},
};
use crate::{
    domain::{
        Client, Unavailable,
        passkeys::{
            Assertion, NoPasskeys, Offer,
            authenticate::{Authenticated, PasskeyError, Wanted},
        },
        sessions::{begin::BeginError, methods::Method, tokens::Tokens},
        throttling::limits::Exceeded,
    },
    metrics::LOGINS,
};
use std::time::Duration;

/// Why a login with a passkey failed.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyLoginError {
    /// The passkey is right, but the account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The passkey is right, but the address is not verified. A mail with a code was sent to it.
    #[error("the address is not verified")]
    Unverified,
    /// Too many from the client's address, or to the account.
    #[error("too many logins")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The passkey was not accepted.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
}

impl From<Exceeded> for PasskeyLoginError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

impl From<Unavailable> for PasskeyLoginError {
    fn from(error: Unavailable) -> Self {
        Self::Passkey(error.into())
    }
}

impl PasskeyLoginError {
    /// The outcome's name in the metrics.
    const fn name(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Unverified => "unverified",
            Self::TooMany { .. } => "throttled",
            Self::Passkey(PasskeyError::Unavailable(_)) => "unavailable",
            Self::Passkey(_) => "invalid",
        }
    }
}

/// The input of a login with a passkey.
pub struct PasskeyAttempt<'a> {
    /// The id of the challenge.
    pub challenge_id: &'a str,
    /// What the authenticator answered.
    pub answer: &'a Assertion,
    /// The session that is to begin.
    pub session: NewSession,
}

impl SignIn {
    /// A challenge to log in. Costs no store anything, whoever asks.
    ///
    /// # Errors
    /// [`NoPasskeys`].
    pub fn offer_passkey(&self) -> Result<Offer<'_>, NoPasskeys> {
        self.second_steps.passkeys.offer_to_log_in()
    }

    /// Logs in with a passkey, and ends the session of the request's cookie.
    ///
    /// # Errors
    /// [`PasskeyLoginError`].
    pub async fn login_with_passkey(
        &self,
        attempt: PasskeyAttempt<'_>,
        client: &Client,
    ) -> Result<Tokens, PasskeyLoginError> {
        let outcome = self.logged_in_with_passkey(attempt, client).await;
        LOGINS.add(outcome.as_ref().map_or_else(PasskeyLoginError::name, |_| "success"));
        outcome
    }

    async fn logged_in_with_passkey(
        &self,
        attempt: PasskeyAttempt<'_>,
        client: &Client,
    ) -> Result<Tokens, PasskeyLoginError> {
        let PasskeyAttempt { challenge_id, answer, session } = attempt;
        self.check.take_one(client)?;
        let shown = self.second_steps.passkeys.authenticate(challenge_id, answer, Wanted::Anybody, client).await;
        let Authenticated { sub, kind } = shown.inspect_err(|error| self.log_refusal(error, client))?;
        let found = match self.accounts.by_id(sub).await {
            Ok(Some(found)) => found,
            Ok(None) => return Err(PasskeyError::Refused { sub, reason: "deleted" }.into()),
            Err(error) => return Err(Unavailable::from(error).into()),
        };
        match self.obstacle(&found.account, client).await? {
            Some(Obstacle::Disabled) => return Err(PasskeyLoginError::Disabled),
            Some(Obstacle::Unverified) => return Err(PasskeyLoginError::Unverified),
            None => {}
        }
        self.check.take_of_account(&found, client)?;
        self.live.has_room_for(sub).await?;
        let begun = self.second_steps.beginning.begin(found, Method::from(kind).into(), session, client).await;
        begun.map_err(|error| match error {
            BeginError::Disabled => PasskeyLoginError::Disabled,
            // The user was changed at the same moment: the passkey is asked for again.
            BeginError::Outdated => PasskeyError::Expired.into(),
            BeginError::Unavailable(error) => error.into(),
        })
    }

    /// A passkey that is known is in its user's history; anything else could fill the audit log.
    fn log_refusal(&self, error: &PasskeyError, client: &Client) {
        let event = self.failed(client).with("by", "passkey");
        match error {
            PasskeyError::Refused { sub, reason } => {
                self.audit.record_in_background(event.to(*sub).with("reason", *reason))
            }
            PasskeyError::Unknown { .. } => self.audit.log(&event.with("reason", "unknown_passkey")),
            PasskeyError::Expired | PasskeyError::NoPasskeys(_) | PasskeyError::Unavailable(_) => {}
        }
    }
}
