//! Argon2: makes hashes, and compares passwords with stored hashes of any kind, such that the work reveals neither
//! whether a user exists nor of which kind the user's hash is.
//!
//! A wrong password costs as much as the most expensive kind of stored hash, and no less than a new hash. If there is no
//! user or no usable hash, a hash of the most expensive kind is computed for nothing. What the user's own hash does not
//! take is made up for with Argon2.

use super::{
    Password, PasswordHash,
    foreign::WeakHash,
    function::{ArgonFunction, Function, are_equal},
    rates::Rates,
    recipe::{Cost, Recipe},
    signer_keys::{SignerKey, SignerKeys},
    stored_hash::{Bounds, StoredHash, Unusable},
};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use aws_lc_rs::rand;
use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use zeroize::Zeroizing;

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
    /// The most expensive kind of hash that is known to be stored, and at least today's, with its work.
    costliest: Mutex<(Recipe, u64)>,
    work: AtomicU64,
    rates: Rates,
    keys: SignerKeys,
    /// How many more hashes that take more memory than today's may be computed at this moment.
    places: Mutex<usize>,
    freed: Condvar,
}

impl Argon {
    /// Computes new hashes with these parameters.
    #[must_use]
    pub fn new(today: Params, grant: Grant) -> Self {
        let cost = Cost::of(&today);
        Self {
            today,
            grant,
            costliest: Mutex::new((Recipe::Argon(cost), cost.work())),
            work: AtomicU64::new(0),
            rates: Rates::default(),
            keys: SignerKeys::default(),
            places: Mutex::new(grant.at_once.max(1)),
            freed: Condvar::new(),
        }
    }

    /// The total work so far: KiB of memory times passes, and what takes as long.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }

    /// How many times as long as a new hash a failed attempt takes with one form of a password, rounded up.
    #[must_use]
    pub fn heaviness(&self) -> usize {
        let (_, work) = self.costliest();
        usize::try_from(work.div_ceil(Cost::of(&self.today).work().max(1))).unwrap_or(usize::MAX)
    }

    /// Adds a secret key that hashes of another system were made with.
    pub fn add_key(&self, key: SignerKey) {
        self.keys.add(key);
    }

    /// Registers what stored hashes cost. If they are all that are not of today's kind, more expensive ones registered
    /// before are forgotten. Computes for some milliseconds where kinds are met for the first time.
    pub fn observe_stored_costs<'a>(&self, hashes: impl IntoIterator<Item = &'a PasswordHash>, are_all: bool) {
        let read = |hash| self.read(hash).ok();
        let recipes = hashes.into_iter().filter_map(read).map(|stored| stored.recipe());
        let with_work = recipes.chain([self.todays()]).map(|recipe| (recipe, self.work_of(recipe)));
        let Some(costliest) = with_work.max_by_key(|(_, work)| *work) else { return };
        if are_all {
            *self.costliest.lock().unwrap_or_else(PoisonError::into_inner) = costliest;
        } else {
            self.meet(costliest);
        }
    }

    /// Why a stored hash cannot be used, if it cannot.
    #[must_use]
    pub fn flaw(&self, hash: &PasswordHash) -> Option<Unusable> {
        self.read(hash).err()
    }

    /// A hash of no password that costs the same; `None`: it is of today's kind, or cannot be used.
    #[must_use]
    pub fn specimen(&self, hash: &PasswordHash) -> Option<PasswordHash> {
        let recipe = self.read(hash).ok()?.recipe();
        (recipe != self.todays()).then(|| PasswordHash(recipe.specimen()))
    }

    /// Makes a hash for storage of one that is too weak.
    pub fn wrap(&self, weak: &WeakHash, memory: &mut Memory) -> PasswordHash {
        PasswordHash(format!("{}{}", weak.prefix(), self.made(&weak.output, memory)))
    }

    /// Makes a hash for storage.
    pub fn make(&self, password: &Password, memory: &mut Memory) -> PasswordHash {
        PasswordHash(self.made(password.expose().as_bytes(), memory))
    }

    fn made(&self, input: &[u8], memory: &mut Memory) -> String {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).expect("the operating system gives randomness");
        let mut output = [0; OUTPUT_BYTES];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.today.clone());
        self.fill(&argon, input, &salt, &mut output, memory);
        let phc = Phc {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.today).expect("the parameters are valid"),
            salt: Some(Salt::new(&salt).expect("the salt has a valid length")),
            hash: Some(Output::new(&output).expect("the output has a valid length")),
        };
        phc.to_string()
    }

    /// Compares a password with a hash; without one, only does the work.
    pub fn compare(&self, password: &Password, hash: Option<&PasswordHash>, memory: &mut Memory) -> Verdict {
        let stored = hash.map(|hash| self.read(hash)).transpose();
        let flaw = stored.as_ref().err().copied();
        match stored.ok().flatten() {
            Some(stored) => self.compare_with(password, &stored, memory),
            None => {
                let (costliest, _) = self.costliest();
                password.forms().for_each(|form| self.spend(costliest, form, memory));
                Verdict { matches: false, is_outdated: true, flaw }
            }
        }
    }

    fn compare_with(&self, password: &Password, stored: &StoredHash, memory: &mut Memory) -> Verdict {
        let own = self.work_of(stored.recipe());
        self.meet((stored.recipe(), own));
        let is_todays = self.is_todays(stored);
        for (number, form) in password.forms().enumerate() {
            let output = self.compute(&stored.function, form, stored.output.len(), memory);
            if are_equal(&output, &stored.output) && stored.function.takes(form) {
                return Verdict { matches: true, is_outdated: !is_todays || number > 0, flaw: None };
            }
        }
        self.spend_rest(password.forms().count(), own, memory);
        Verdict { matches: false, is_outdated: !is_todays, flaw: None }
    }

    fn is_todays(&self, stored: &StoredHash) -> bool {
        let Function::Argon(argon) = &stored.function else { return false };
        let kind = (argon.algorithm, argon.version, argon.salt.len(), stored.output.len());
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        kind == (Algorithm::Argon2id, Version::V0x13, SALT_BYTES, OUTPUT_BYTES)
            && costs(&argon.params) == costs(&self.today)
            && argon.params.data().is_empty()
    }

    /// Does the work by which the most expensive kind of hash exceeds what `forms` hashes of the work `each` have taken.
    fn spend_rest(&self, forms: usize, each: u64, memory: &mut Memory) {
        let (costliest, work) = self.costliest();
        let forms = u64::try_from(forms).unwrap_or(u64::MAX);
        let rest = work.saturating_sub(each).saturating_mul(forms);
        let at_a_time = match costliest {
            Recipe::Argon(cost) => u64::from(cost.memory.max(1)),
            _ => u64::from(self.today.m_cost()),
        };
        for (kib, passes) in [(at_a_time, rest / at_a_time), (rest % at_a_time, 1)] {
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            self.spend(Recipe::Argon(Cost { memory: number(kib), passes: number(passes) }), "", memory);
        }
    }

    /// Computes a hash for nothing.
    fn spend(&self, recipe: Recipe, form: &str, memory: &mut Memory) {
        // What Argon2 refuses to compute is negligible.
        let Some(function) = Function::decoy(recipe) else { return };
        self.compute(&function, form, function.decoy_bytes(), memory);
    }

    fn compute(&self, function: &Function, form: &str, bytes: usize, memory: &mut Memory) -> Zeroizing<Vec<u8>> {
        let computed = if function.memory() > 0 {
            let _place = self.place();
            function.compute(form, bytes)
        } else {
            function.compute(form, bytes)
        };
        let (Function::Argon(argon) | Function::Wrapped(_, argon)) = function else {
            self.work.fetch_add(self.work_of(function.recipe(bytes)), Ordering::Relaxed);
            return computed;
        };
        if let Function::Wrapped(..) = function {
            let before = self.work_of(function.recipe(bytes)) - Cost::of(&argon.params).work();
            self.work.fetch_add(before, Ordering::Relaxed);
        }
        let ArgonFunction { algorithm, version, params, salt } = argon;
        let mut output = Zeroizing::new(vec![0; bytes]);
        self.fill(&Argon2::new(*algorithm, *version, params.clone()), &computed, salt, &mut output, memory);
        output
    }

    fn read(&self, hash: &PasswordHash) -> Result<StoredHash, Unusable> {
        StoredHash::read(hash, Bounds { memory: self.grant.memory.max(self.today.m_cost()), keys: &self.keys })
    }

    fn todays(&self) -> Recipe {
        Recipe::Argon(Cost::of(&self.today))
    }

    fn work_of(&self, recipe: Recipe) -> u64 {
        self.rates.work(recipe, &|| {
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.today.clone());
            let mut memory = vec![Block::default(); self.today.block_count()];
            let begun = Instant::now();
            let computed = argon.hash_password_into_with_memory(
                b"grumpy-otter-42",
                &[0; SALT_BYTES],
                &mut [0; OUTPUT_BYTES],
                memory.as_mut_slice(),
            );
            computed.expect("salt, output and memory have the sizes that the parameters ask for");
            (begun.elapsed(), Cost::of(&self.today).work())
        })
    }

    fn costliest(&self) -> (Recipe, u64) {
        *self.costliest.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn meet(&self, met: (Recipe, u64)) {
        let mut costliest = self.costliest.lock().unwrap_or_else(PoisonError::into_inner);
        if met.1 > costliest.1 {
            *costliest = met;
        }
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

#[cfg(test)]
mod tests;
