//! Tokens that were verified before: most requests bring one, and verifying a signature costs twenty times as much as
//! finding it here.

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

/// Verified tokens by fingerprint. A token's times and its key are checked again at each use.
pub(super) struct Seen([Mutex<Shard>; SHARDS]);

/// Young and old tokens: when there are many young ones, they become the old ones, and those that were old are
/// forgotten.
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

    /// The token, if it was verified with a key that is still in the set. If the key has gone, the token is forgotten.
    pub(super) fn find(&self, fingerprint: &Fingerprint, keys: &KeySet) -> Option<VerifiedToken> {
        self.shard(fingerprint, |shard| {
            let known = shard.find(fingerprint)?;
            let is_current = keys.get(&known.kid).is_some_and(|key| Arc::ptr_eq(key, &known.key) || *key == known.key);
            if !is_current {
                shard.forget(fingerprint);
            }
            is_current.then_some(known.token)
        })
    }

    /// Forgets a token that is no longer good.
    pub(super) fn forget(&self, fingerprint: &Fingerprint) {
        self.shard(fingerprint, |shard| shard.forget(fingerprint));
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

    fn forget(&mut self, fingerprint: &Fingerprint) {
        self.young.remove(fingerprint);
        self.old.remove(fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access_token::{modulus::Effort, verified::Facts},
        clock::Timestamp,
    };
    use serde_json::{Map, Value, json};

    fn key_set(modulus: &str) -> KeySet {
        let key = json!({ "kty": "RSA", "kid": "first", "n": modulus, "e": "AQAB" });
        KeySet::from_jwks(json!({ "keys": [key] }).to_string().as_bytes()).expect("a sound key")
    }

    fn modulus(name: &str) -> String {
        let moduli: Value = serde_json::from_str(include_str!("../../tests/access_token/moduli.json")).expect("JSON");
        moduli["sound"][name].as_str().expect("a modulus").to_owned()
    }

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
            rights_revision: None,
            authenticated_at: None,
            methods: Vec::new(),
            acr: None,
            issued_at: Timestamp::from_secs(0),
            not_before: None,
            expires_at: Timestamp::from_secs(900),
            #[cfg(feature = "fetch")]
            names: crate::access_token::Names::of("", "", ""),
        };
        let effort = &mut Effort::for_one_set();
        let key = RsaKey::from_components(&modulus("2048 bits"), "AQAB", effort).expect("a sound key");
        Known { token: VerifiedToken(Arc::new(facts)), kid: Arc::from("first"), key: Arc::new(key) }
    }

    fn numbered(number: usize) -> Fingerprint {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&number.to_be_bytes());
        fingerprint
    }

    #[test]
    fn a_shard_forgets_tokens_that_were_not_seen_lately_and_stays_small() {
        let (mut shard, known) = (Shard::default(), known());
        for number in 0..10 * YOUNG_PER_SHARD {
            shard.insert(numbered(number), known.clone());
            assert!(shard.find(&numbered(0)).is_some(), "seen all the time, and forgotten at {number}");
        }
        assert!(shard.young.len() + shard.old.len() <= 2 * YOUNG_PER_SHARD);
        assert!(shard.find(&numbered(1)).is_none());
    }
    fn remembered(seen: &Seen) -> usize {
        let shards = seen.0.iter().map(|shard| shard.lock().expect("nobody has panicked"));
        shards.map(|shard| shard.young.len() + shard.old.len()).sum()
    }

    #[test]
    fn a_token_whose_key_has_gone_is_forgotten_even_if_the_key_comes_back() {
        let (seen, known) = (Seen::nothing(), known());
        let (with, without) = (key_set(&modulus("2048 bits")), key_set(&modulus("3072 bits")));
        seen.remember(numbered(1), &known.token, "first", &known.key);
        assert!(seen.find(&numbered(1), &with).is_some());
        assert!(seen.find(&numbered(1), &without).is_none());
        assert_eq!(remembered(&seen), 0);
        assert!(seen.find(&numbered(1), &with).is_none());
    }

    #[test]
    fn at_most_sixteen_thousand_tokens_are_remembered() {
        let (seen, known) = (Seen::nothing(), known());
        for number in 0..3 * SHARDS * 2 * YOUNG_PER_SHARD {
            seen.remember(fingerprint(&number.to_string()), &known.token, "first", &known.key);
        }
        assert!((8_000..=SHARDS * 2 * YOUNG_PER_SHARD).contains(&remembered(&seen)), "{}", remembered(&seen));
    }
}
