//! Setting a password. Whoever does it, for whomever: what is asked of the new password is decided here, and only here
//! is it hashed for storage.

use super::{
    Password, PasswordHash, WeakPassword,
    pool::{Hasher, Lane, NotComputed},
    rules::PasswordRules,
    strength_checks::StrengthChecks,
};
use std::sync::Arc;

/// Accepts and hashes new passwords.
pub struct NewPasswords {
    rules: Arc<PasswordRules>,
    strength_checks: StrengthChecks,
    hasher: Arc<Hasher>,
}

/// A password that may be set.
pub struct Accepted<'a>(&'a Password);

impl NewPasswords {
    /// Checks the strength of up to `threads` passwords at a time.
    #[must_use]
    pub fn new(rules: PasswordRules, threads: usize, hasher: Arc<Hasher>) -> Self {
        Self { rules: Arc::new(rules), strength_checks: StrengthChecks::new(threads), hasher }
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
        let checked = self.strength_checks.check(password, known, Arc::clone(&self.rules)).await?;
        Ok(checked.map(|()| Accepted(password)))
    }

    /// Hashes a password that is to be stored.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn hash(&self, lane: Lane, password: &Accepted<'_>) -> Result<PasswordHash, NotComputed> {
        self.hasher.hash(lane, password.0).await
    }
}
