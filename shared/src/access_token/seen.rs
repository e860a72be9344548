//! Tokens that were verified before: most requests bring one, and a signature costs twenty times what remembering does.

use super::{KeySet, VerifiedToken, rsa_key::RsaKey};
use aws_lc_rs::digest;
use std::{
    array,
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// So that cores rarely wait for each other.
const SHARDS: usize = 16;
/// How many tokens a shard remembers before it forgets those that were not seen lately. In all some 16,000 tokens of
/// less than a kilobyte.
const YOUNG_PER_SHARD: usize = 512;

/// A token's SHA-256: what is kept here logs nobody in.
pub(super) type Fingerprint = [u8; 32];

pub(super) fn fingerprint(token: &str) -> Fingerprint {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Verified tokens by fingerprint. What time and newer key sets do to a token is checked anew at each use.
pub(super) struct Seen([Mutex<Shard>; SHARDS]);

/// Tokens of two generations: when the young ones are many, they become the old ones, and the old are forgotten.
#[derive(Default)]
struct Shard {
    young: HashMap<Fingerprint, Known>,
    old: HashMap<Fingerprint, Known>,
}

#[derive(Clone)]
struct Known {
    token: VerifiedToken,
    kid: Arc<str>,
    key: Arc<RsaKey>,
}

impl Seen {
    pub(super) fn nothing() -> Self {
        Self(array::from_fn(|_| Mutex::default()))
    }

    /// The token, if it was verified with a key that is still in the set.
    pub(super) fn find(&self, fingerprint: &Fingerprint, keys: &KeySet) -> Option<VerifiedToken> {
        let known = self.shard(fingerprint, |shard| shard.find(fingerprint))?;
        let key = keys.get(&known.kid)?;
        (Arc::ptr_eq(key, &known.key) || key == &known.key).then_some(known.token)
    }

    pub(super) fn remember(&self, fingerprint: Fingerprint, token: &VerifiedToken, kid: &str, key: &Arc<RsaKey>) {
        let known = Known { token: token.clone(), kid: Arc::from(kid), key: Arc::clone(key) };
        self.shard(&fingerprint, |shard| shard.insert(fingerprint, known));
    }

    fn shard<T>(&self, fingerprint: &Fingerprint, act: impl FnOnce(&mut Shard) -> T) -> T {
        let shard = &self.0[usize::from(fingerprint[0]) % SHARDS];
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    fn find(&mut self, fingerprint: &Fingerprint) -> Option<Known> {
        if let Some(known) = self.young.get(fingerprint) {
            return Some(known.clone());
        }
        let known = self.old.remove(fingerprint)?;
        self.insert(*fingerprint, known.clone());
        Some(known)
    }

    fn insert(&mut self, fingerprint: Fingerprint, known: Known) {
        if self.young.len() >= YOUNG_PER_SHARD {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(fingerprint, known);
    }
}
