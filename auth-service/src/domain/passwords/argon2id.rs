//! Argon2: makes hashes, and compares passwords with stored hashes of any kind, such that the work reveals neither
//! whether a user exists nor of which kind the user's hash is.
//!
//! A wrong password costs as much as the most expensive kind of stored hash, and no less than a new hash. The work that
//! the user's own hash does not need is done for nothing; if there is no user or no usable hash, all of it is.

use super::{
    Password, PasswordHash,
    stored_hash::{Cost, StoredHash, Unusable},
};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use aws_lc_rs::{constant_time, rand};
use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The length of a new hash's output.
pub const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// What hashes that are more expensive than new ones may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The memory for one of them, in KiB.
    pub memory: u32,
    /// How many of them may be computed at the same time.
    pub at_once: usize,
}

/// The result of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the password is right.
    pub matches: bool,
    /// Whether the hash is of another kind than new ones, or was made from the password as typed instead of its normal
    /// form.
    pub is_outdated: bool,
    /// Why the hash could not be used.
    pub flaw: Option<Unusable>,
}

/// A thread's working memory, kept from one job to the next: as much as a new hash takes, or none.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// Whether there is no memory in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Computes hashes.
pub struct Argon {
    today: Params,
    grant: Grant,
    /// The most expensive kind of hash that is known to be stored, and at least today's: memory and passes, 32 bits
    /// each.
    costliest: AtomicU64,
    work: AtomicU64,
    /// How many more hashes that are more expensive than today's may be computed at this moment.
    places: Mutex<usize>,
    freed: Condvar,
}

impl Argon {
    /// Computes new hashes with these parameters.
    #[must_use]
    pub fn new(today: Params, grant: Grant) -> Self {
        let costliest = AtomicU64::new(packed(Cost::of(&today)));
        let places = Mutex::new(grant.at_once.max(1));
        Self { today, grant, costliest, work: AtomicU64::new(0), places, freed: Condvar::new() }
    }

    /// The total work so far: KiB of memory times passes.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }

    /// The current cost of a failed attempt with one form of a password.
    #[must_use]
    pub fn costliest(&self) -> Cost {
        unpacked(self.costliest.load(Ordering::Relaxed))
    }

    /// Registers what stored hashes cost. If they are all that are not of today's kind, more expensive ones registered
    /// before are forgotten.
    pub fn observe_stored_costs<'a>(&self, hashes: impl IntoIterator<Item = &'a PasswordHash>, are_all: bool) {
        let usable = |hash| StoredHash::read(hash, self.most_memory()).ok();
        let costs = hashes.into_iter().filter_map(usable).map(|stored| Cost::of(&stored.params));
        let today = Cost::of(&self.today);
        let costliest = costs.chain([today]).max_by_key(|cost| cost.work()).unwrap_or(today);
        if are_all {
            self.costliest.store(packed(costliest), Ordering::Relaxed);
        } else {
            self.meet(costliest);
        }
    }

    /// Why a stored hash cannot be used, if it cannot.
    #[must_use]
    pub fn flaw(&self, hash: &PasswordHash) -> Option<Unusable> {
        StoredHash::read(hash, self.most_memory()).err()
    }

    /// Makes a hash for storage.
    pub fn make(&self, password: &Password, memory: &mut Memory) -> PasswordHash {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).expect("the operating system gives randomness");
        let mut output = [0; OUTPUT_BYTES];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.today.clone());
        self.fill(&argon, password.expose().as_bytes(), &salt, &mut output, memory);
        let phc = Phc {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.today).expect("the parameters are valid"),
            salt: Some(Salt::new(&salt).expect("the salt has a valid length")),
            hash: Some(Output::new(&output).expect("the output has a valid length")),
        };
        PasswordHash(phc.to_string())
    }

    /// Compares a password with a hash; without one, only does the work.
    pub fn compare(&self, password: &Password, hash: Option<&PasswordHash>, memory: &mut Memory) -> Verdict {
        let stored = hash.map(|hash| StoredHash::read(hash, self.most_memory())).transpose();
        let flaw = stored.as_ref().err().copied();
        match stored.ok().flatten() {
            Some(stored) => self.compare_with(password, &stored, memory),
            None => {
                let forms = password.forms().count();
                for _ in 0..forms {
                    self.spend(Cost::of(&self.today), memory);
                }
                self.spend_rest(forms, Cost::of(&self.today), memory);
                Verdict { matches: false, is_outdated: true, flaw }
            }
        }
    }

    fn compare_with(&self, password: &Password, stored: &StoredHash, memory: &mut Memory) -> Verdict {
        let cost = Cost::of(&stored.params);
        self.meet(cost);
        let argon = Argon2::new(stored.algorithm, stored.version, stored.params.clone());
        let mut output = vec![0; stored.output.len()];
        let is_todays = self.is_todays(stored);
        for (number, form) in password.forms().enumerate() {
            self.fill(&argon, form.as_bytes(), &stored.salt, &mut output, memory);
            if constant_time::verify_slices_are_equal(&output, &stored.output).is_ok() {
                return Verdict { matches: true, is_outdated: !is_todays || number > 0, flaw: None };
            }
        }
        self.spend_rest(password.forms().count(), cost, memory);
        Verdict { matches: false, is_outdated: !is_todays, flaw: None }
    }

    fn is_todays(&self, stored: &StoredHash) -> bool {
        let kind = (stored.algorithm, stored.version, stored.salt.len(), stored.output.len());
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        kind == (Algorithm::Argon2id, Version::V0x13, SALT_BYTES, OUTPUT_BYTES)
            && costs(&stored.params) == costs(&self.today)
            && stored.params.data().is_empty()
    }

    /// Does the work by which the most expensive kind of hash exceeds what `forms` hashes of cost `each` have taken.
    fn spend_rest(&self, forms: usize, each: Cost, memory: &mut Memory) {
        let costliest = self.costliest();
        let forms = u64::try_from(forms).unwrap_or(u64::MAX);
        let rest = costliest.work().saturating_sub(each.work()).saturating_mul(forms);
        let at_a_time = u64::from(costliest.memory.max(1));
        for (kib, passes) in [(at_a_time, rest / at_a_time), (rest % at_a_time, 1)] {
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            self.spend(Cost { memory: number(kib), passes: number(passes) }, memory);
        }
    }

    /// Computes the hash of an empty password.
    fn spend(&self, cost: Cost, memory: &mut Memory) {
        // What Argon2 refuses to compute is negligible.
        let Ok(params) = Params::new(cost.memory, cost.passes, 1, Some(OUTPUT_BYTES)) else { return };
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        self.fill(&argon, &[], &[0; SALT_BYTES], &mut [0; OUTPUT_BYTES], memory);
    }

    fn fill(&self, argon: &Argon2<'_>, password: &[u8], salt: &[u8], output: &mut [u8], memory: &mut Memory) {
        let blocks = argon.params().block_count();
        self.work.fetch_add(Cost::of(argon.params()).work(), Ordering::Relaxed);
        let computed = if blocks > self.today.block_count() {
            let _place = self.place();
            argon.hash_password_into_with_memory(password, salt, output, vec![Block::default(); blocks].as_mut_slice())
        } else {
            memory.0.resize(self.today.block_count(), Block::default());
            argon.hash_password_into_with_memory(password, salt, output, &mut memory.0[..blocks])
        };
        computed.expect("salt, output and memory have the sizes that the parameters ask for");
    }

    fn most_memory(&self) -> u32 {
        self.grant.memory.max(self.today.m_cost())
    }

    fn meet(&self, cost: Cost) {
        let costlier = |known| (cost.work() > unpacked(known).work()).then(|| packed(cost));
        // `Err`: not more expensive than what was known.
        self.costliest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, costlier).ok();
    }

    /// Waits for one of the places.
    fn place(&self) -> Place<'_> {
        let places = self.freed.wait_while(self.places(), |places| *places == 0);
        *places.unwrap_or_else(PoisonError::into_inner) -= 1;
        Place(self)
    }

    fn places(&self) -> MutexGuard<'_, usize> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Permission to compute one expensive hash.
struct Place<'a>(&'a Argon);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.places() += 1;
        self.0.freed.notify_one();
    }
}

fn packed(cost: Cost) -> u64 {
    u64::from(cost.memory) << 32 | u64::from(cost.passes)
}

fn unpacked(packed: u64) -> Cost {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    Cost { memory: half(packed >> 32), passes: half(packed) }
}

#[cfg(test)]
mod tests;
