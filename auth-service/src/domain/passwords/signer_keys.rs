//! The secret keys that other systems have made hashes with, apart from the hashes: a stolen table is of no use without
//! them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use zeroize::Zeroizing;

/// A project's key at Firebase ("base64_signer_key"). Has no `Debug`, and is wiped when dropped.
#[derive(Clone)]
pub struct SignerKey(Zeroizing<Vec<u8>>);

impl SignerKey {
    /// Its length, which is also that of hashes.
    pub const BYTES: usize = 64;

    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Its name in hashes. Says nothing about the key, which is random.
    #[must_use]
    pub fn id(&self) -> String {
        let text = [b"jeton signer key id ".as_slice(), &self.0].concat();
        URL_SAFE_NO_PAD.encode(&digest(&SHA256, &Zeroizing::new(text)).as_ref()[..9])
    }

    /// The key itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The keys that are known, by their ids.
#[derive(Default)]
pub struct SignerKeys(RwLock<HashMap<String, Arc<SignerKey>>>);

impl SignerKeys {
    /// Adds a key.
    pub fn add(&self, key: SignerKey) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.entry(key.id()).or_insert_with(|| Arc::new(key));
    }

    /// The key with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<SignerKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
