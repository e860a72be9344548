//! Setting a password. Whoever does it, for whomever: what is asked of the new password is decided here, and only here
//! is it hashed for storage.

use super::{
    Password, PasswordHash, WeakPassword,
    breached::{BreachedPasswords, PasswordSha1},
    pool::{Hasher, Lane, NotComputed},
    rules::PasswordRules,
    strength_checks::StrengthChecks,
};
use crate::metrics::BREACH_CHECKS;
use shared::seldom::Seldom;
use std::sync::Arc;

/// The reasons why the list did not answer that were logged lately.
static LOGGED: Seldom = Seldom::new();

/// Accepts and hashes new passwords.
pub struct NewPasswords {
    rules: Arc<PasswordRules>,
    strength_checks: StrengthChecks,
    breached: Option<Arc<dyn BreachedPasswords>>,
    hasher: Arc<Hasher>,
}

/// A password that may be set.
pub struct Accepted<'a>(&'a Password);

impl NewPasswords {
    /// Checks the strength of up to `threads` passwords at a time. Without a list, breached passwords are accepted.
    #[must_use]
    pub fn new(
        rules: PasswordRules,
        threads: usize,
        breached: Option<Arc<dyn BreachedPasswords>>,
        hasher: Arc<Hasher>,
    ) -> Self {
        Self { rules: Arc::new(rules), strength_checks: StrengthChecks::new(threads), breached, hasher }
    }

    /// Checks only the length, which costs nothing.
    ///
    /// # Errors
    /// [`WeakPassword::Length`].
    pub fn check_length(&self, password: &Password) -> Result<(), WeakPassword> {
        self.rules.check_length(password)
    }

    /// Whether a user about whom `known` is known, such as name and address, may have this password.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn accept<'a>(
        &self,
        password: &'a Password,
        known: Vec<String>,
    ) -> Result<Result<Accepted<'a>, WeakPassword>, NotComputed> {
        if let Err(weak) = self.strength_checks.check(password, known, Arc::clone(&self.rules)).await? {
            return Ok(Err(weak));
        }
        Ok(if self.is_breached(password).await { Err(WeakPassword::Breached) } else { Ok(Accepted(password)) })
    }

    /// Hashes a password that is to be stored.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn hash(&self, lane: Lane, password: &Accepted<'_>) -> Result<PasswordHash, NotComputed> {
        self.hasher.hash(lane, password.0).await
    }

    /// Whether the password is known from a breach. If that cannot be found out, it counts as unknown: an outage of
    /// somebody else's service must not stop registrations.
    async fn is_breached(&self, password: &Password) -> bool {
        let Some(list) = &self.breached else { return false };
        let answer = list.contain(&PasswordSha1::of(password)).await;
        BREACH_CHECKS.add(match &answer {
            Ok(false) => "clear",
            Ok(true) => "breached",
            Err(_) => "unanswered",
        });
        answer.unwrap_or_else(|reason| {
            if LOGGED.is_due(&reason.0) {
                tracing::warn!(
                    error = reason.0,
                    "the list of breached passwords does not answer: passwords are set unchecked"
                );
            }
            false
        })
    }
}
