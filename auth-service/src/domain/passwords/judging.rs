//! Judging the passwords that people choose: beside the pool that hashes them, and on no thread that answers requests.

use super::{Password, WeakPassword, pool::NotComputed};
use std::sync::Arc;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many may wait for each that is judged: less than a second's worth, whatever the passwords.
const WAITING: usize = 32;

/// Judges a few passwords at a time.
pub struct Judges {
    room: Semaphore,
    at_work: Arc<Semaphore>,
}

impl Judges {
    /// So many at a time, each on a thread of its own.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { room: Semaphore::new(threads * (1 + WAITING)), at_work: Arc::new(Semaphore::new(threads)) }
    }

    /// Whether a password may be chosen by somebody of whom `known` is known.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn judge(
        &self,
        password: &Password,
        known: Vec<String>,
    ) -> Result<Result<(), WeakPassword>, NotComputed> {
        let _room = self.room.try_acquire().map_err(|_| NotComputed::Overloaded)?;
        let turn = Arc::clone(&self.at_work).acquire_owned().await.map_err(|_| NotComputed::Overloaded)?;
        let password = password.clone();
        let judged = spawn_blocking(move || {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let verdict = password.check_strength(&known);
            // Not before: whoever gives a request up does not make room for another one's work.
            drop(turn);
            verdict
        });
        judged.await.map_err(|_| NotComputed::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test]
    async fn beyond_those_that_may_wait_nobody_waits() {
        let judges = Judges::new(1);
        let password = Password::new("grumpy-otter-42".to_owned());
        let verdicts = join_all((0..100).map(|_| judges.judge(&password, Vec::new()))).await;
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Ok(Ok(()))).count(), 1 + WAITING);
        assert_eq!(judges.judge(&password, Vec::new()).await, Ok(Ok(())));
    }
}
