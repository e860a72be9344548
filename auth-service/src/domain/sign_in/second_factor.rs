//! The second step of a login: asked for after the password, or a code from a mail, of a user who has a second factor.

use super::{
    beginning::{Beginning, NewSession},
    pending::{LIFE, Pending, SecondFactorToken},
    trusted_devices::{DeviceCookie, TrustedDevices},
};
use crate::{
    domain::{
        Client, Unavailable,
        accounts::{Account, Accounts, FindError},
        audit::{Action, Audit},
        client::network,
        factors::{Enrolled, FactorError, Factors, Shown},
        passkeys::{
            Assertion, Passkeys,
            authenticate::{PasskeyError, Wanted},
        },
        secrets::KeyRing,
        sessions::{
            begin::BeginError,
            live::LiveSessions,
            methods::{Method, Methods},
            tokens::Tokens,
        },
        throttling::{
            limiter::Limiter,
            limits::{Exceeded, Limit},
        },
    },
    metrics::LOGINS,
};
use async_trait::async_trait;
use shared::{
    clock::{Clock, Timestamp},
    ids::{DeviceId, TokenId, UserId},
};
use std::{sync::Arc, time::Duration};

/// What a user shows as a second factor.
pub enum SecondFactor<'a> {
    /// A code from an authenticator app.
    Totp(&'a str),
    /// A recovery code.
    RecoveryCode(&'a str),
    /// A passkey's answer to a challenge.
    Passkey {
        /// The id of the challenge.
        challenge_id: &'a str,
        /// The answer.
        answer: &'a Assertion,
    },
}

/// What is asked after the first step of a login.
pub enum Asked {
    /// Nothing: this was shown.
    Nothing(Methods),
    /// A second factor.
    SecondFactor(Box<SecondStep>),
}

/// The second step that a client has to make.
pub struct SecondStep {
    /// What the client shows at it.
    pub token: SecondFactorToken,
    /// What the user may show, by name.
    pub methods: Vec<&'static str>,
    /// How long it may take.
    pub expires_in: Duration,
}

impl SecondStep {
    /// One that is good for nothing, for documents.
    #[must_use]
    pub fn example() -> Self {
        Self { token: SecondFactorToken::example(), methods: vec!["totp", "recovery_code"], expires_in: LIFE }
    }
}

/// As any credential: says nothing.
impl std::fmt::Debug for SecondStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondStep").field("methods", &self.methods).finish_non_exhaustive()
    }
}

/// Why the second step failed.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// The first step is no longer good, or was none: the login has to be begun again.
    #[error("the login has to be begun again")]
    Expired,
    /// The account was disabled meanwhile.
    #[error("the account is disabled")]
    Disabled,
    /// What was shown is not accepted.
    #[error(transparent)]
    Factor(#[from] FactorError),
    /// The passkey is not accepted.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
}

impl From<Unavailable> for SecondStepError {
    fn from(error: Unavailable) -> Self {
        Self::Factor(error.into())
    }
}

impl From<Exceeded> for SecondStepError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::Factor(FactorError::TooManyAttempts { retry_after })
    }
}

impl From<FindError> for SecondStepError {
    fn from(error: FindError) -> Self {
        Unavailable::from(error).into()
    }
}

impl From<BeginError> for SecondStepError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Disabled => Self::Disabled,
            BeginError::Outdated => Self::Expired,
            BeginError::Unavailable(error) => error.into(),
        }
    }
}

impl SecondStepError {
    /// The outcome's name in the metrics.
    const fn name(&self) -> &'static str {
        match self {
            Self::Expired | Self::Passkey(PasskeyError::Expired) => "expired",
            Self::Disabled => "disabled",
            Self::Factor(FactorError::TooManyAttempts { .. } | FactorError::Resting) => "throttled",
            Self::Factor(FactorError::Unavailable(_)) | Self::Passkey(PasskeyError::Unavailable(_)) => "unavailable",
            Self::Factor(FactorError::Wrong) | Self::Passkey(_) => "invalid",
        }
    }
}

/// Remembers which logins were completed, so that each is completed once.
#[async_trait]
pub trait Completed: Send + Sync {
    /// Whether a login was completed.
    async fn is_complete(&self, login: TokenId) -> Result<bool, Unavailable>;

    /// Notes that a login was completed; `false`: it was before.
    async fn complete(&self, login: TokenId, until: Timestamp) -> Result<bool, Unavailable>;
}

/// Asks for second factors, and checks them.
pub struct SecondSteps {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// Their apps and recovery codes.
    pub factors: Arc<Factors>,
    /// Their passkeys.
    pub passkeys: Arc<Passkeys>,
    /// Where they are not asked.
    pub devices: Arc<TrustedDevices>,
    /// Which logins were completed.
    pub completed: Arc<dyn Completed>,
    /// Their sessions.
    pub live: Arc<LiveSessions>,
    /// Begins their sessions.
    pub beginning: Arc<Beginning>,
    /// Signs first steps.
    pub secrets: Arc<KeyRing>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// The audit log.
    pub audit: Arc<Audit>,
}

/// A second step.
pub struct Step<'a> {
    /// What the first one gave.
    pub token: &'a SecondFactorToken,
    /// What is shown now.
    pub shown: SecondFactor<'a>,
    /// Whether the browser is not to be asked again for a while.
    pub is_to_be_trusted: bool,
    /// How the session is carried.
    pub session: NewSession,
}

impl SecondSteps {
    /// What is asked of a user after the first step, on this device.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn after(
        &self,
        first: Method,
        account: &Account,
        device: Option<DeviceId>,
        client: &Client,
    ) -> Result<Asked, Unavailable> {
        let enrolled = self.factors.enrolled(account.id).await?;
        if !enrolled.has_second_factor() {
            return Ok(Asked::Nothing(first.into()));
        }
        if let Some(device) = device
            && self.devices.spares(account, device, client).await?
        {
            return Ok(Asked::Nothing(Methods::from(first).and(Method::TrustedDevice)));
        }
        let network = network(client.address);
        let pending = Pending::after(first, account.id, account.session_epoch, network, self.clock.now());
        let (token, methods) = (pending.signed(&self.secrets), names(&enrolled));
        Ok(Asked::SecondFactor(Box::new(SecondStep { token, methods, expires_in: LIFE })))
    }

    /// Completes a login; with what the browser keeps if it is to be trusted.
    ///
    /// # Errors
    /// [`SecondStepError`].
    pub async fn complete(
        &self,
        step: Step<'_>,
        client: &Client,
    ) -> Result<(Tokens, Option<DeviceCookie>), SecondStepError> {
        let outcome = self.completed(step, client).await;
        LOGINS.add(outcome.as_ref().map_or_else(SecondStepError::name, |_| "success"));
        outcome
    }

    async fn completed(
        &self,
        step: Step<'_>,
        client: &Client,
    ) -> Result<(Tokens, Option<DeviceCookie>), SecondStepError> {
        let pending = Pending::read(step.token, &self.secrets, network(client.address), self.clock.now());
        let pending = pending.ok_or(SecondStepError::Expired)?;
        self.limiter.take_of_address(Limit::Logins, client)?;
        let found = self.accounts.by_id(pending.sub).await?;
        let found = found.filter(|found| found.account.session_epoch == pending.epoch);
        let found = found.ok_or(SecondStepError::Expired)?;
        if found.account.disabled {
            let event = self.audit.event(Action::Login).failed().to(pending.sub).from(client);
            self.audit.record(event.with("reason", "account_disabled")).await;
            return Err(SecondStepError::Disabled);
        }
        // Before the factor is used up: an outage, or a step that is made already, must not cost the user a code.
        if self.completed.is_complete(pending.id).await? {
            return Err(SecondStepError::Expired);
        }
        self.live.has_room_for(pending.sub).await?;
        let method = self.check(&found.account, &step.shown, Wanted::SecondFactorOf, client).await?;
        if !self.completed.complete(pending.id, pending.expiry()).await? {
            return Err(SecondStepError::Expired);
        }
        let account = found.account.clone();
        let tokens = self.beginning.begin(found, pending.shown.and(method), step.session, client).await?;
        let device = if step.is_to_be_trusted { self.trusted(&account, client).await } else { None };
        Ok((tokens, device))
    }

    /// The session has begun: if the device is not trusted, the user is asked again next time.
    async fn trusted(&self, account: &Account, client: &Client) -> Option<DeviceCookie> {
        self.devices.trust(account, client).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to trust a device; its user is asked for the second factor again");
            None
        })
    }

    /// Checks what a user shows, and says what it was; `wanted` says which challenges a passkey may answer. Wrong codes are
    /// counted for the account, whatever they are shown for.
    ///
    /// # Errors
    /// [`SecondStepError::Factor`], [`SecondStepError::Passkey`].
    pub async fn check(
        &self,
        account: &Account,
        shown: &SecondFactor<'_>,
        wanted: fn(UserId) -> Wanted,
        client: &Client,
    ) -> Result<Method, SecondStepError> {
        match shown {
            SecondFactor::Totp(code) => {
                self.factors.check_totp(account, code, client).await?;
                Ok(Method::Totp)
            }
            SecondFactor::RecoveryCode(code) => {
                self.factors.check_recovery_code(account, code, client).await?;
                Ok(Method::RecoveryCode)
            }
            SecondFactor::Passkey { challenge_id, answer } => {
                // Not counted: nobody guesses a signature, and the user of a locked app has this way in.
                match self.passkeys.authenticate(challenge_id, answer, wanted(account.id), client).await {
                    Ok(authenticated) => Ok(authenticated.kind.into()),
                    Err(error @ (PasskeyError::Refused { .. } | PasskeyError::Unknown { .. })) => {
                        self.factors.wrong(account, Shown::Passkey, client).await;
                        Err(error.into())
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

fn names(enrolled: &Enrolled) -> Vec<&'static str> {
    let methods = [
        (enrolled.totp.is_some(), Shown::Totp),
        (enrolled.passkeys > 0, Shown::Passkey),
        (enrolled.recovery_codes_left > 0, Shown::RecoveryCode),
    ];
    methods.into_iter().filter_map(|(is_there, method)| is_there.then_some(method.name())).collect()
}
