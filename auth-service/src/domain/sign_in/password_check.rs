//! Checks a password, with throttling, at the same cost whether or not the user exists: at a login, and where the
//! password must be confirmed.

use crate::{
    domain::{
        Client, Unavailable,
        accounts::{Accounts, Credentials, EmailAddress, FindError},
        audit::{Action, Audit},
        keys::hash_facts::KeyedHashes,
        passwords::{
            Password,
            pool::{Hasher, Lane, NotComputed},
            stored_hash::Unusable,
        },
        sessions::{caller::Caller, live::LiveSessions},
        throttling::{
            Attempt, Origin, Target, Throttle, Throttled,
            limiter::Limiter,
            limits::{Exceeded, Limit},
        },
    },
    metrics::UNUSABLE_HASHES,
};
use shared::ids::UserId;
use std::{sync::Arc, time::Duration};

/// Why a password was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is wrong, or there is no such user: the two look alike.
    #[error("wrong e-mail address or password")]
    Wrong,
    /// It was not given, and there is nothing else that the user could have shown.
    #[error("the password is missing")]
    Missing,
    /// Too many failures, or too many attempts.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password could not be hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Exceeded> for CheckError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooManyAttempts { retry_after }
    }
}

impl From<FindError> for CheckError {
    fn from(error: FindError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Checks passwords.
pub struct PasswordCheck {
    accounts: Arc<dyn Accounts>,
    live: Arc<LiveSessions>,
    throttle: Arc<Throttle>,
    hasher: Arc<Hasher>,
    keyed_hashes: KeyedHashes,
    limiter: Arc<Limiter>,
    audit: Arc<Audit>,
}

impl PasswordCheck {
    /// Checks the passwords of these users, with these limits.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        live: Arc<LiveSessions>,
        throttle: Arc<Throttle>,
        (hasher, keyed_hashes): (Arc<Hasher>, KeyedHashes),
        limiter: Arc<Limiter>,
        audit: Arc<Audit>,
    ) -> Self {
        Self { accounts, live, throttle, hasher, keyed_hashes, limiter, audit }
    }

    /// Refuses early what would be refused later: an address that logs in too often, or a full pool.
    ///
    /// # Errors
    /// [`CheckError`].
    pub(super) fn admit(&self, email: Option<&EmailAddress>, client: &Client) -> Result<(), CheckError> {
        self.take_of_address(client)?;
        Ok(self.hasher.admit(&Lane::of(client, email.map(EmailAddress::as_str), None))?)
    }

    /// Takes one of the attempts that the client's address may make.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn take_of_address(&self, client: &Client) -> Result<(), CheckError> {
        Ok(self.take_one(client)?)
    }

    /// As [`PasswordCheck::take_of_address`], for a login without a password.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(super) fn take_one(&self, client: &Client) -> Result<(), Exceeded> {
        self.limiter.take_of_address(Limit::Logins, client)
    }

    /// Takes one of the logins that an account may have.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(super) fn take_of_account(&self, found: &Credentials, client: &Client) -> Result<(), Exceeded> {
        self.limiter.take_of_user(Limit::LoginsPerAccount, &of_account(found), found.account.id, client)
    }

    /// Answers for a text that is not an e-mail address as for an unknown address, at the same cost.
    ///
    /// # Errors
    /// [`CheckError`], always.
    pub(super) async fn check_nobody(&self, password: &Password, client: &Client) -> CheckError {
        match self.refuse_nobody(password, client).await {
            Ok(()) => CheckError::Wrong,
            Err(error) => error,
        }
    }

    async fn refuse_nobody(&self, password: &Password, client: &Client) -> Result<(), CheckError> {
        let attempt = Attempt { target: None, origin: Origin::of(client, None) };
        let throttled = |error| self.throttled(error, None, client);
        self.throttle.admit(&attempt).await.map_err(throttled)?;
        self.hasher.verify_nobody(Lane::of(client, None, None), password).await?;
        self.throttle.failed(&attempt).await.map_err(throttled)
    }

    /// Checks a password, at the same cost for an unknown address. A hash with other parameters than new ones is
    /// replaced.
    ///
    /// # Errors
    /// [`CheckError`].
    pub(super) async fn check(
        &self,
        email: &EmailAddress,
        found: Option<Credentials>,
        password: &Password,
        client: &Client,
    ) -> Result<Credentials, CheckError> {
        let sub = found.as_ref().map(|found| found.account.id);
        let target = Target { email, unlocks: found.as_ref().map_or(0, |found| found.unlocks) };
        let attempt = Attempt { target: Some(target), origin: Origin::of(client, sub) };
        let throttled = |error| self.throttled(error, sub, client);
        self.throttle.admit(&attempt).await.map_err(throttled)?;
        let lane = Lane::of(client, Some(email.as_str()), sub);
        let verdict = match &found {
            Some(found) => {
                self.limiter.look_at_user(Limit::LoginsPerAccount, &of_account(found), found.account.id, client)?;
                if let Err(error) = self.keyed_hashes.ensure_key_of(&found.hash).await {
                    report_unusable_hash(found.account.id, Unusable::UnknownKey);
                    return Err(error.into());
                }
                self.hasher.verify(lane.clone(), password, &found.hash).await?
            }
            None => self.hasher.verify_nobody(lane.clone(), password).await?,
        };
        if let (Some(found), Some(flaw)) = (&found, verdict.flaw) {
            report_unusable_hash(found.account.id, flaw);
        }
        let Some(found) = found.filter(|_| verdict.matches) else {
            self.throttle.failed(&attempt).await.map_err(throttled)?;
            return Err(CheckError::Wrong);
        };
        self.throttle.succeeded(&attempt).await.map_err(throttled)?;
        self.take_of_account(&found, client)?;
        if verdict.is_outdated { self.upgraded(found, password, lane).await } else { Ok(found) }
    }

    /// The credentials with a new hash of today's kind.
    async fn upgraded(
        &self,
        mut found: Credentials,
        password: &Password,
        lane: Lane,
    ) -> Result<Credentials, CheckError> {
        let upgraded = self.hasher.hash(lane, password).await?;
        if self.accounts.rehash(found.account.id, &found.hash, &upgraded).await? {
            found.hash = upgraded;
        } else if let Some(current) = self.accounts.by_id(found.account.id).await?
            && current.account.session_epoch == found.account.session_epoch
        {
            // Another attempt with the same password replaced the hash first: a changed password would have raised the
            // epoch.
            found.hash = current.hash;
        }
        Ok(found)
    }

    /// Confirms a caller's password, with the same throttling as a login. Without one, the caller has shown in another way who
    /// they are: whoever has a password and no second factor has none.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn confirm(
        &self,
        caller: &Caller,
        password: Option<&Password>,
        client: &Client,
    ) -> Result<Credentials, CheckError> {
        let sub = caller.account.id;
        let Some(password) = password else {
            let found = self.accounts.by_id(sub).await?.ok_or(CheckError::Wrong)?;
            // Who has nothing else to show is asked for the password each time: a session that was just begun is not enough.
            let is_missing = !found.hash.is_none() && !caller.has_second_factor;
            return if is_missing { Err(CheckError::Missing) } else { Ok(found) };
        };
        // A failure that cannot be counted must not be reported.
        self.live.has_room_for(sub).await?;
        let found = self.accounts.by_id(sub).await?;
        let checked = self.check(&caller.account.email, found, password, client).await;
        if let Err(CheckError::Wrong) = checked {
            let event = self.audit.event(Action::PasswordConfirm).failed().to(sub).by(sub);
            self.audit.record(event.about(caller.session).from(client)).await;
        }
        checked
    }

    fn throttled(&self, error: Throttled, sub: Option<UserId>, client: &Client) -> CheckError {
        match error {
            Throttled::TooMany { limit, key, retry_after } => {
                self.limiter.report(limit, &key.0, sub, client);
                CheckError::TooManyAttempts { retry_after }
            }
            Throttled::Unavailable(error) => CheckError::Unavailable(error),
        }
    }
}

/// Each unlocking gives the account new counters.
fn of_account(found: &Credentials) -> String {
    format!("{} {}", found.account.id, found.unlocks)
}

/// Only the operator learns the reason. The user gets the same answer as for a wrong password; if a key is not known,
/// the answer to an outage.
pub(super) fn report_unusable_hash(user: UserId, flaw: Unusable) {
    UNUSABLE_HASHES.add(flaw.name());
    // Nothing is wrong with it.
    if flaw == Unusable::Missing {
        return;
    }
    tracing::warn!(%user, reason = %flaw, "this user cannot log in: the stored password hash cannot be used (docs/operate.md)");
}
