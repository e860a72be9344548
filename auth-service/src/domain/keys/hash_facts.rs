//! What the service must know of imported hashes beside the rows: which kinds there are, since only a part of the rows
//! is looked at, and the secret keys that other systems have made hashes with.

use crate::domain::{
    Unavailable,
    keys::table::KeyTable,
    passwords::{PasswordHash, pool::Hasher, signer_keys::SignerKey},
    secrets::KeyRing,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// Specimens of the kinds that imports have brought.
const KINDS: &str = "hash_kinds";
/// The fact with the sealed keys, each after its id.
pub const SIGNER_KEYS: &str = "signer_keys";
/// What they are sealed for.
const SEALED_FOR: &str = "signer key";
/// How often a change is tried while others change the same fact.
const MAX_ROUNDS: u32 = 8;

/// How often at most the keys are read because of a hash whose key is not known.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Facts about hashes, in the database.
pub struct HashFacts {
    table: Arc<dyn KeyTable>,
    secrets: Arc<KeyRing>,
}

impl HashFacts {
    /// The facts of an installation.
    #[must_use]
    pub fn new(table: Arc<dyn KeyTable>, secrets: Arc<KeyRing>) -> Self {
        Self { table, secrets }
    }

    /// Specimens of the kinds that imports have brought.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn kinds(&self) -> Result<Vec<PasswordHash>, Unavailable> {
        let stored = self.table.known_fact(KINDS).await?.unwrap_or_default();
        Ok(stored.split_whitespace().map(|text| PasswordHash(text.to_owned())).collect())
    }

    /// Adds specimens of kinds, before the first hash of the kind is stored.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn add_kinds(&self, specimens: &[PasswordHash]) -> Result<(), Unavailable> {
        self.add(KINDS, specimens.iter().map(|specimen| (specimen.0.as_str(), specimen.0.clone())).collect()).await
    }

    /// The secret keys that can be opened. Those that an earlier root secret has sealed are sealed again.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn signer_keys(&self) -> Result<Vec<SignerKey>, Unavailable> {
        let stored = self.table.known_fact(SIGNER_KEYS).await?.unwrap_or_default();
        let resealed: Vec<String> = stored.split_whitespace().map(|word| self.resealed(word)).collect();
        let resealed = resealed.join(" ");
        // Each replica that can open a key has both root secrets, or the one that it is sealed with already.
        if resealed != stored {
            self.table.replace_fact(SIGNER_KEYS, &stored, &resealed).await?;
        }
        Ok(opened(&stored, &self.secrets))
    }

    fn resealed(&self, word: &str) -> String {
        match sealed_part(word) {
            Some(sealed) if !self.secrets.is_sealed_by_current(&sealed) => {
                let key = opened(word, &self.secrets).pop();
                key.map_or_else(|| word.to_owned(), |key| self.sealed(&key))
            }
            _ => word.to_owned(),
        }
    }

    /// Adds a secret key, before the first hash that needs it is stored.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn add_signer_key(&self, key: &SignerKey) -> Result<(), Unavailable> {
        self.add(SIGNER_KEYS, vec![(&key.id(), self.sealed(key))]).await
    }

    fn sealed(&self, key: &SignerKey) -> String {
        format!("{}:{}", key.id(), URL_SAFE_NO_PAD.encode(self.secrets.seal(SEALED_FOR, key.expose())))
    }

    /// Adds words that do not begin as another one does.
    async fn add(&self, name: &str, new: Vec<(&str, String)>) -> Result<(), Unavailable> {
        for _ in 0..MAX_ROUNDS {
            let stored = self.table.fact(name, "").await?;
            let missing =
                new.iter().filter(|(begin, _)| !stored.split_whitespace().any(|word| word.starts_with(begin)));
            let words: Vec<&str> = stored.split_whitespace().chain(missing.map(|(_, word)| word.as_str())).collect();
            let all = words.join(" ");
            if all == stored || self.table.replace_fact(name, &stored, &all).await? {
                return Ok(());
            }
        }
        Err(Unavailable { store: "the database", cause: format!("the fact {name} is changed all the time") })
    }
}

/// A hasher that learns of keys when it needs them: an import may have brought them since the last look.
pub struct KeyedHashes {
    facts: HashFacts,
    hasher: Arc<Hasher>,
    read_at: Mutex<Option<Instant>>,
}

impl KeyedHashes {
    /// Of this hasher.
    #[must_use]
    pub fn new(facts: HashFacts, hasher: Arc<Hasher>) -> Self {
        Self { facts, hasher, read_at: Mutex::default() }
    }

    /// Makes sure that the hasher has the key of a hash, if it needs one. The keys are read at most once a second, however
    /// many ask.
    ///
    /// # Errors
    /// [`Unavailable`]: passwords cannot be compared with the hash, which says nothing about them.
    pub async fn ensure_key_of(&self, hash: &PasswordHash) -> Result<(), Unavailable> {
        if !self.hasher.lacks_key_of(hash) {
            return Ok(());
        }
        let mut read_at = self.read_at.lock().await;
        if self.hasher.lacks_key_of(hash) && read_at.is_none_or(|read_at| read_at.elapsed() >= READ_EVERY) {
            *read_at = Some(Instant::now());
            for key in self.facts.signer_keys().await? {
                self.hasher.add_key(key);
            }
        }
        drop(read_at);
        if !self.hasher.lacks_key_of(hash) {
            return Ok(());
        }
        Err(Unavailable { store: "the key of a password hash", cause: "it is not known here".to_owned() })
    }
}

/// The keys of the fact that can be opened.
#[must_use]
pub fn opened(stored: &str, secrets: &KeyRing) -> Vec<SignerKey> {
    let open = |word| secrets.open(SEALED_FOR, &sealed_part(word)?).ok().map(SignerKey::new);
    stored.split_whitespace().filter_map(open).collect()
}

fn sealed_part(word: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(word.split_once(':')?.1).ok()
}
