//! Checks how strong the passwords are that users choose: apart from the pool that hashes them, and never on a thread
//! that answers requests.

use super::{
    Password,
    pool::NotComputed,
    rules::{PasswordRules, WeakPassword},
};
use std::sync::Arc;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many passwords may wait per thread: less than a second's work, whatever the passwords.
const MAX_WAITING: usize = 32;

/// Checks a few passwords at a time.
pub struct StrengthChecks {
    room: Semaphore,
    at_work: Arc<Semaphore>,
}

impl StrengthChecks {
    /// Checks up to `threads` passwords at a time, each on a thread of its own.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { room: Semaphore::new(threads * (1 + MAX_WAITING)), at_work: Arc::new(Semaphore::new(threads)) }
    }

    /// Whether a user about whom `known` is known may choose the password, by these rules.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn check(
        &self,
        password: &Password,
        known: Vec<String>,
        rules: Arc<PasswordRules>,
    ) -> Result<Result<(), WeakPassword>, NotComputed> {
        let _room = self.room.try_acquire().map_err(|_| NotComputed::Overloaded)?;
        let turn = Arc::clone(&self.at_work).acquire_owned().await.map_err(|_| NotComputed::Overloaded)?;
        let password = password.clone();
        let checked = spawn_blocking(move || {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let verdict = rules.check_strength(&password, &known);
            // Only now: a request that is given up must not make room for another one while its work still runs.
            drop(turn);
            verdict
        });
        checked.await.map_err(|_| NotComputed::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test]
    async fn once_all_places_are_taken_passwords_are_refused_at_once() {
        let strength_checks = StrengthChecks::new(1);
        let password = Password::new("grumpy-otter-42".to_owned());
        let rules = Arc::new(PasswordRules { min_chars: 8, words: Vec::new() });
        let check = || strength_checks.check(&password, Vec::new(), Arc::clone(&rules));
        let verdicts = join_all((0..100).map(|_| check())).await;
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Ok(Ok(()))).count(), 1 + MAX_WAITING);
        assert_eq!(check().await, Ok(Ok(())));
    }
}
