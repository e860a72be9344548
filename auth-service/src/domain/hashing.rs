//! Argon2id on a bounded pool of threads of its own, so that logins cannot starve refreshes.

mod queue;

pub use self::queue::{Lane, Place};

use self::queue::Queue;
use super::password::{Password, PasswordHash};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use aws_lc_rs::{constant_time, rand};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use tokio::sync::oneshot;

const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The queue is full: try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being hashed")]
pub struct Overloaded;

/// What comparing a password with a hash told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether the hash was made with other parameters than today's.
    pub is_outdated: bool,
}

/// Hashes and compares passwords. OWASP's parameters by default: 19 MiB, two passes, one lane.
pub struct Hasher {
    queue: Arc<Queue>,
    runs: Arc<AtomicU64>,
    params: Params,
    decoy: Arc<Decoy>,
}

/// The hash of nobody's password, for users who do not exist.
#[derive(Default)]
struct Decoy(OnceLock<PasswordHash>);

impl Decoy {
    /// Made when it is first needed.
    fn hash(&self, params: &Params, memory: &mut Memory) -> &PasswordHash {
        self.0.get_or_init(|| {
            let mut nobodys = [0; 32];
            rand::fill(&mut nobodys).expect("the operating system gives randomness");
            hash_with(params, &nobodys, memory)
        })
    }
}

/// A thread's working memory, kept from one job to the next.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Hasher {
    /// A pool with so many threads, each of which takes 19 MiB while it works.
    ///
    /// # Panics
    /// If the operating system gives no thread or no randomness.
    #[must_use]
    pub fn start(threads: usize) -> Self {
        let params = Params::new(19 * 1024, 2, 1, Some(OUTPUT_BYTES)).expect("OWASP's parameters are valid");
        Self::with(params, threads)
    }

    /// A pool with other parameters.
    ///
    /// # Panics
    /// As [`Hasher::start`].
    #[must_use]
    pub fn with(params: Params, threads: usize) -> Self {
        let queue = Arc::new(Queue::for_threads(threads));
        for index in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("hash-{index}"))
                .spawn(move || work(&queue))
                .expect("the operating system gives a thread");
        }
        let hasher = Self { queue, runs: Arc::default(), params, decoy: Arc::default() };
        hasher.make_decoy();
        hasher
    }

    /// On the pool, so that the start need not wait for it, and before anybody can ask: a login for a user who does not
    /// exist costs no more than another one.
    fn make_decoy(&self) {
        let (decoy, params) = (Arc::clone(&self.decoy), self.params.clone());
        let make = move |memory: &mut Memory| {
            decoy.hash(&params, memory);
        };
        self.queue.push(Lane::HERE, Box::new(make)).expect("a new queue has room");
    }

    /// Hashes a password for storage.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn hash(&self, lane: Lane, password: &Password) -> Result<PasswordHash, Overloaded> {
        let (password, params) = (password.clone(), self.params.clone());
        self.run(lane, move |memory| hash_with(&params, password.expose().as_bytes(), memory)).await
    }

    /// Compares a password with a hash, in constant time.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn verify(&self, lane: Lane, password: &Password, hash: &PasswordHash) -> Result<Verdict, Overloaded> {
        let (password, params, hash) = (password.clone(), self.params.clone(), hash.clone());
        self.run(lane, move |memory| verify_with(&params, &password, &hash, memory)).await
    }

    /// Does what [`Hasher::verify`] does, for a user who does not exist: nobody's password is compared.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn verify_nobody(&self, lane: Lane, password: &Password) -> Result<Verdict, Overloaded> {
        let (password, params, decoy) = (password.clone(), self.params.clone(), Arc::clone(&self.decoy));
        self.run(lane, move |memory| {
            let hash = decoy.hash(&params, memory).clone();
            verify_with(&params, &password, &hash, memory)
        })
        .await
    }

    /// Whether a password would be taken: whoever asks first spares the stores what would be in vain.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub fn admit(&self, lane: &Lane) -> Result<(), Overloaded> {
        if self.queue.takes(lane) { Ok(()) } else { Err(Overloaded) }
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
    ) -> Result<T, Overloaded> {
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
    ) -> Result<T, Overloaded> {
        let (answer, answered) = oneshot::channel();
        let job = move |memory: &mut Memory| {
            // Nobody waits any more for a request that was given up.
            if !answer.is_closed() {
                drop(answer.send(job(memory)));
            }
        };
        self.queue.push(lane, Box::new(job))?;
        answered.await.map_err(|_| Overloaded)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work(queue: &Queue) {
    let mut memory = Memory::default();
    loop {
        match queue.next() {
            // One that panics gets no answer; the thread goes on with the next.
            Some(job) => {
                if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
                    memory = Memory::default();
                }
            }
            None if queue.is_closed() => return,
            None if memory.0.is_empty() => {}
            None => {
                memory = Memory::default();
                return_free_memory();
            }
        }
    }
}

/// glibc keeps large blocks that were freed once, in the hope of using them again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn return_free_memory() {
    #[expect(unsafe_code, reason = "malloc_trim is safe to call at any time; there is no safe wrapper")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn return_free_memory() {}

fn fill(params: &Params, password: &[u8], salt: &[u8], memory: &mut Memory) -> [u8; OUTPUT_BYTES] {
    memory.0.resize(params.block_count(), Block::default());
    let mut output = [0; OUTPUT_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut output, &mut memory.0)
        .expect("salt, output and memory have the sizes that the parameters ask for");
    output
}

fn hash_with(params: &Params, password: &[u8], memory: &mut Memory) -> PasswordHash {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).expect("the operating system gives randomness");
    let output = fill(params, password, &salt, memory);
    let phc = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("the parameters are valid"),
        salt: Some(Salt::new(&salt).expect("the salt has a valid length")),
        hash: Some(Output::new(&output).expect("the output has a valid length")),
    };
    PasswordHash(phc.to_string())
}

/// A hash that cannot be read matches nothing, at the cost of one that can.
fn verify_with(today: &Params, password: &Password, hash: &PasswordHash, memory: &mut Memory) -> Verdict {
    let parsed = Phc::new(&hash.0).ok().and_then(|phc| {
        let params = Params::try_from(&phc).ok()?;
        Some((params, phc.salt?, phc.hash?))
    });
    let Some((params, salt, expected)) = parsed else {
        fill(today, password.expose().as_bytes(), &[0; SALT_BYTES], memory);
        return Verdict { matches: false, is_outdated: true };
    };
    let output = fill(&params, password.expose().as_bytes(), &salt, memory);
    let matches = constant_time::verify_slices_are_equal(&output, expected.as_bytes()).is_ok();
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    Verdict { matches, is_outdated: costs(&params) != costs(today) }
}

#[cfg(test)]
mod tests {
    use super::{queue::OF_ONE_PLACE_PER_THREAD, *};

    fn quick(passes: u32) -> Hasher {
        Hasher::with(Params::new(64, passes, 1, Some(OUTPUT_BYTES)).expect("valid parameters"), 1)
    }

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_thread_survives_a_job_that_panics() {
        let hasher = quick(1);
        assert_eq!(hasher.submit(Lane::HERE, |_| panic!("on purpose")).await, Err::<(), _>(Overloaded));
        hasher.hash(Lane::HERE, &password("next")).await.unwrap();
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other() {
        let hasher = quick(1);
        let hash = hasher.hash(Lane::HERE, &password("right")).await.unwrap();
        assert_eq!(
            hasher.verify(Lane::HERE, &password("right"), &hash).await.unwrap(),
            Verdict { matches: true, is_outdated: false }
        );
        assert_eq!(
            hasher.verify(Lane::HERE, &password("wrong"), &hash).await.unwrap(),
            Verdict { matches: false, is_outdated: false }
        );
    }

    #[tokio::test]
    async fn hashes_of_other_parameters_still_match_and_are_outdated() {
        let hash = quick(1).hash(Lane::HERE, &password("right")).await.unwrap();
        let verdict = quick(2).verify(Lane::HERE, &password("right"), &hash).await.unwrap();
        assert_eq!(verdict, Verdict { matches: true, is_outdated: true });
    }

    #[tokio::test]
    async fn the_library_accepts_our_hashes() {
        use argon2::PasswordVerifier;
        let hash = quick(1).hash(Lane::HERE, &password("right")).await.unwrap();
        assert!(Argon2::default().verify_password(b"right", hash.0.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"wrong", hash.0.as_str()).is_err());
    }

    #[tokio::test]
    async fn nobodys_password_costs_one_run_like_anybodys() {
        let hasher = quick(1);
        hasher.verify_nobody(Lane::HERE, &password("guess")).await.unwrap();
        assert_eq!(hasher.runs(), 1);
        hasher.verify(Lane::HERE, &password("guess"), &PasswordHash("garbage".into())).await.unwrap();
        assert_eq!(hasher.runs(), 2);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_works_off_what_it_took() {
        let hasher = Arc::new(quick(1));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (began, begun) = oneshot::channel();
        let busy = in_background(&hasher, move |_| {
            began.send(()).unwrap();
            held.recv().unwrap();
        });
        begun.await.unwrap();
        let waiting: Vec<_> = (0..OF_ONE_PLACE_PER_THREAD).map(|_| in_background(&hasher, |_| ())).collect();
        while hasher.waiting() < OF_ONE_PLACE_PER_THREAD {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.hash(stranger(), &password("too late")).await, Err(Overloaded));
        release.send(()).unwrap();
        for job in waiting.into_iter().chain([busy]) {
            assert_eq!(job.await.unwrap(), Ok(()));
        }
    }

    fn stranger() -> Lane {
        Lane { place: Place::Address([192, 0, 2, 1].into()), is_known: false }
    }

    fn in_background(
        hasher: &Arc<Hasher>,
        job: impl FnOnce(&mut Memory) + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<(), Overloaded>> {
        let hasher = Arc::clone(hasher);
        tokio::spawn(async move { hasher.submit(stranger(), job).await })
    }
}
