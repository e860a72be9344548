//! Argon2id on a bounded pool of its own threads, so that logins cannot starve refreshes.

mod queue;

pub use self::queue::{Lane, Member, Place};

use self::queue::Queue;
use super::{
    Password, PasswordHash,
    argon2id::{Argon, Grant, Memory, OUTPUT_BYTES, Verdict},
    foreign::WeakHash,
    signer_keys::SignerKey,
    stored_hash::Unusable,
};
use argon2::Params;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use tokio::sync::oneshot;

/// Why the pool gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotComputed {
    /// The queue is full: try again later.
    #[error("too many passwords are being hashed")]
    Overloaded,
    /// The job panicked: a bug in this program.
    #[error("a job of the hashing pool has failed")]
    Failed,
}

/// Hashes and compares passwords. By default with OWASP's parameters: 19 MiB, two passes, one lane.
pub struct Hasher {
    queue: Arc<Queue>,
    runs: Arc<AtomicU64>,
    argon: Arc<Argon>,
}

/// The parameters of new hashes.
///
/// # Panics
/// Never: they are constants.
#[must_use]
pub fn today() -> Params {
    Params::new(19 * 1024, 2, 1, Some(OUTPUT_BYTES)).expect("OWASP's parameters are valid")
}

impl Hasher {
    /// Starts a pool of `threads` threads. Each takes 19 MiB while it works, or more, within the grant, for stored
    /// hashes that need more.
    ///
    /// # Panics
    /// If the operating system cannot start a thread.
    #[must_use]
    pub fn start(threads: usize, grant: Grant) -> Self {
        Self::with(today(), threads, grant)
    }

    /// Starts a pool with other parameters.
    ///
    /// # Panics
    /// As [`Hasher::start`].
    #[must_use]
    pub fn with(params: Params, threads: usize, grant: Grant) -> Self {
        let queue = Arc::new(Queue::for_threads(threads));
        for index in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("hash-{index}"))
                .spawn(move || work(&queue))
                .expect("the operating system gives a thread");
        }
        Self { queue, runs: Arc::default(), argon: Arc::new(Argon::new(params, grant)) }
    }

    /// Hashes a password for storage.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn hash(&self, lane: Lane, password: &Password) -> Result<PasswordHash, NotComputed> {
        let (password, argon) = (password.clone(), Arc::clone(&self.argon));
        self.run(lane, move |memory| argon.make(&password, memory)).await
    }

    /// Compares a password with a hash, in constant time. A wrong password costs the same whatever the hash.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn verify(&self, lane: Lane, password: &Password, hash: &PasswordHash) -> Result<Verdict, NotComputed> {
        let (password, argon, hash) = (password.clone(), Arc::clone(&self.argon), hash.clone());
        self.run(lane, move |memory| argon.compare(&password, Some(&hash), memory)).await
    }

    /// Costs what [`Hasher::verify`] costs, for a user who does not exist.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn verify_nobody(&self, lane: Lane, password: &Password) -> Result<Verdict, NotComputed> {
        let (password, argon) = (password.clone(), Arc::clone(&self.argon));
        self.run(lane, move |memory| argon.compare(&password, None, memory)).await
    }

    /// Whether a job would be accepted now. Asking first saves the stores queries for a request that would be refused.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub fn admit(&self, lane: &Lane) -> Result<(), NotComputed> {
        if self.queue.takes(lane) { Ok(()) } else { Err(NotComputed::Overloaded) }
    }

    /// Makes a hash for storage of one that is too weak.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn wrap(&self, weak: WeakHash) -> Result<PasswordHash, NotComputed> {
        let argon = Arc::clone(&self.argon);
        self.run(Lane::HERE, move |memory| argon.wrap(&weak, memory)).await
    }

    /// A hash of no password that costs the same, unless it is as new ones are.
    #[must_use]
    pub fn specimen(&self, hash: &PasswordHash) -> Option<PasswordHash> {
        self.argon.specimen(hash)
    }

    /// Registers what stored hashes cost that are not of today's kind; see [`Argon::observe_stored_costs`]. While failed attempts
    /// take longer, fewer may wait.
    ///
    /// # Errors
    /// [`NotComputed`].
    pub async fn observe_stored_costs(&self, hashes: Vec<PasswordHash>, are_all: bool) -> Result<(), NotComputed> {
        let argon = Arc::clone(&self.argon);
        self.submit(Lane::HERE, move |_| argon.observe_stored_costs(&hashes, are_all)).await?;
        self.queue.weigh(self.argon.heaviness());
        Ok(())
    }

    /// Adds a secret key that hashes of another system were made with.
    pub fn add_key(&self, key: SignerKey) {
        self.argon.add_key(key);
    }

    /// Whether a hash was made with a secret key that was not added yet.
    #[must_use]
    pub fn lacks_key_of(&self, hash: &PasswordHash) -> bool {
        self.argon.flaw(hash) == Some(Unusable::UnknownKey)
    }

    /// The reasons why some of these hashes cannot be compared with passwords.
    pub fn flaws<'a>(&'a self, hashes: &'a [PasswordHash]) -> impl Iterator<Item = Unusable> + 'a {
        hashes.iter().filter_map(|hash| self.argon.flaw(hash))
    }

    /// The total work of hashing: KiB of memory times passes.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.argon.work()
    }

    /// How often the hash function has run.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// How many jobs may wait.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// How many jobs wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, NotComputed> {
        let runs = Arc::clone(&self.runs);
        self.submit(lane, move |memory| {
            runs.fetch_add(1, Ordering::Relaxed);
            job(memory)
        })
        .await
    }

    async fn submit<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, NotComputed> {
        let (answer, answered) = oneshot::channel();
        let job = move |memory: &mut Memory| {
            // If the request was given up, nobody waits for the result.
            if !answer.is_closed() {
                drop(answer.send(survived(job, memory)));
            }
        };
        self.queue.push(lane, Box::new(job))?;
        // A job that is dropped without an answer has made way for another one.
        answered.await.unwrap_or(Err(NotComputed::Overloaded))
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Catches a panic, so that the thread goes on with the next job.
fn survived<T>(job: impl FnOnce(&mut Memory) -> T, memory: &mut Memory) -> Result<T, NotComputed> {
    catch_unwind(AssertUnwindSafe(|| job(memory))).map_err(|_| {
        *memory = Memory::default();
        tracing::error!("a job of the hashing pool has panicked: a bug in this program");
        NotComputed::Failed
    })
}

fn work(queue: &Queue) {
    let mut memory = Memory::default();
    loop {
        match queue.next() {
            Some(job) => job(&mut memory),
            None if queue.is_closed() => return,
            None if memory.is_empty() => {}
            None => {
                memory = Memory::default();
                return_free_memory();
            }
        }
    }
}

/// glibc keeps freed large blocks to use them again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn return_free_memory() {
    #[expect(unsafe_code, reason = "malloc_trim is safe to call at any time; there is no safe wrapper")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn return_free_memory() {}

#[cfg(test)]
mod tests {
    use super::{queue::OF_ONE_CLIENT_PER_THREAD, *};

    fn quick(passes: u32) -> Hasher {
        let params = Params::new(64, passes, 1, Some(OUTPUT_BYTES)).expect("valid parameters");
        Hasher::with(params, 1, Grant { memory: 512, at_once: 1 })
    }

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_thread_survives_a_job_that_panics() {
        let hasher = quick(1);
        assert_eq!(hasher.submit(Lane::HERE, |_| panic!("on purpose")).await, Err::<(), _>(NotComputed::Failed));
        hasher.hash(Lane::HERE, &password("next")).await.unwrap();
    }

    #[tokio::test]
    async fn a_password_matches_only_its_own_hash() {
        let hasher = quick(1);
        let hash = hasher.hash(Lane::HERE, &password("right")).await.unwrap();
        assert_eq!(
            hasher.verify(Lane::HERE, &password("right"), &hash).await.unwrap(),
            Verdict { matches: true, is_outdated: false, flaw: None }
        );
        assert_eq!(
            hasher.verify(Lane::HERE, &password("wrong"), &hash).await.unwrap(),
            Verdict { matches: false, is_outdated: false, flaw: None }
        );
    }

    #[tokio::test]
    async fn hashes_of_other_parameters_still_match_and_are_outdated() {
        let hash = quick(1).hash(Lane::HERE, &password("right")).await.unwrap();
        let verdict = quick(2).verify(Lane::HERE, &password("right"), &hash).await.unwrap();
        assert_eq!(verdict, Verdict { matches: true, is_outdated: true, flaw: None });
    }

    #[tokio::test]
    async fn the_library_accepts_our_hashes() {
        use argon2::{Argon2, PasswordVerifier};
        let hash = quick(1).hash(Lane::HERE, &password("right")).await.unwrap();
        assert!(Argon2::default().verify_password(b"right", hash.0.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"wrong", hash.0.as_str()).is_err());
    }

    #[tokio::test]
    async fn a_password_costs_one_run_whether_or_not_its_user_exists() {
        let hasher = quick(1);
        hasher.verify_nobody(Lane::HERE, &password("guess")).await.unwrap();
        assert_eq!(hasher.runs(), 1);
        hasher.verify(Lane::HERE, &password("guess"), &PasswordHash("garbage".into())).await.unwrap();
        assert_eq!(hasher.runs(), 2);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_completes_what_it_accepted() {
        let hasher = Arc::new(quick(1));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (began, begun) = oneshot::channel();
        let busy = in_background(&hasher, move |_| {
            began.send(()).unwrap();
            held.recv().unwrap();
        });
        begun.await.unwrap();
        let waiting: Vec<_> = (0..OF_ONE_CLIENT_PER_THREAD).map(|_| in_background(&hasher, |_| ())).collect();
        while hasher.waiting() < OF_ONE_CLIENT_PER_THREAD {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.hash(stranger(), &password("too late")).await, Err(NotComputed::Overloaded));
        release.send(()).unwrap();
        for job in waiting.into_iter().chain([busy]) {
            assert_eq!(job.await.unwrap(), Ok(()));
        }
    }

    fn stranger() -> Lane {
        Lane { place: Place::Address([192, 0, 2, 1].into()), member: Member::Sole, is_known: false }
    }

    fn in_background(
        hasher: &Arc<Hasher>,
        job: impl FnOnce(&mut Memory) + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<(), NotComputed>> {
        let hasher = Arc::clone(hasher);
        tokio::spawn(async move { hasher.submit(stranger(), job).await })
    }
}
