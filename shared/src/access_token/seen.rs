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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access_token::verified::Facts, clock::Timestamp};
    use serde_json::Map;

    fn known() -> Known {
        let facts = Facts {
            subject: String::new(),
            session_id: String::new(),
            client_id: String::new(),
            token_id: String::new(),
            scope: String::new(),
            roles: Vec::new(),
            custom: Map::new(),
            epoch: None,
            issued_at: Timestamp::from_secs(0),
            not_before: None,
            expires_at: Timestamp::from_secs(900),
        };
        let modulus = format!("{}w", "_".repeat(341));
        let key = RsaKey::from_components(&modulus, "AQAB").expect("a sound key");
        Known { token: VerifiedToken(Arc::new(facts)), kid: Arc::from("first"), key: Arc::new(key) }
    }

    fn numbered(number: usize) -> Fingerprint {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&number.to_be_bytes());
        fingerprint
    }

    #[test]
    fn a_shard_forgets_what_was_not_seen_lately_and_stays_small() {
        let (mut shard, known) = (Shard::default(), known());
        for number in 0..10 * YOUNG_PER_SHARD {
            shard.insert(numbered(number), known.clone());
            assert!(shard.find(&numbered(0)).is_some(), "seen all the time, and forgotten at {number}");
        }
        assert!(shard.young.len() + shard.old.len() <= 2 * YOUNG_PER_SHARD);
        assert!(shard.find(&numbered(1)).is_none());
    }
}
