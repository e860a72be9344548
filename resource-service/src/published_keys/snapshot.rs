//! The last good keys in a file, so that a restart works while the issuer is down.

use super::address::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{access_token::KeySet, clock::Timestamp, files};
use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    io,
    io::Write as _,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Older snapshots are not used.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// A snapshot from further ahead was written by a clock that was wrong.
const MAX_AHEAD: Duration = Duration::from_secs(60);
/// Unchanged keys are written again when the file is so old, so that its age says, but for an hour, when they were last
/// confirmed. The file's own time would not do: a copy has a new one.
const CONFIRM_AFTER: Duration = Duration::from_secs(60 * 60);
/// A key set of the largest size, and what is written around it.
const MAX_BYTES: u64 = 512 * 1024;

/// A file of keys from one address.
pub struct Snapshot {
    path: PathBuf,
    address: Address,
    issuer: String,
    written: Option<Written>,
    /// What was last said about the file.
    said: Option<String>,
}

/// What stands in the file, as far as this process knows.
struct Written {
    keys: Arc<KeySet>,
    confirmed_at: Timestamp,
}

/// Keys that were read from the file.
pub struct Kept {
    /// The keys.
    pub keys: Arc<KeySet>,
    /// When they were last confirmed.
    pub confirmed_at: Timestamp,
}

/// What the file holds: public keys only.
#[derive(Serialize, Deserialize)]
struct Stored<Keys> {
    /// Milliseconds since 1970.
    fetched_at: Timestamp,
    /// Keys of another address are not used. Without its secrets.
    url: String,
    /// Nor are those of another issuer. Earlier versions have written none.
    issuer: Option<String>,
    jwks: Keys,
}

impl Snapshot {
    /// In this file, of keys from this address of this issuer.
    #[must_use]
    pub fn at(path: PathBuf, address: Address, issuer: String) -> Self {
        Self { path, address, issuer, written: None, said: None }
    }

    /// What is in the file.
    ///
    /// # Errors
    /// Why it is not used; `Ok(None)` if there is no file.
    pub fn read(&self, now: Timestamp) -> Result<Option<Kept>, String> {
        match files::read(&self.path, MAX_BYTES) {
            Ok(bytes) => Ok(Some(self.parse(&bytes, now)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The keys in the file, if it is there, sound, of the same address and not too old.
    pub(super) fn load(&mut self, now: Timestamp) -> Option<Kept> {
        let kept = self
            .read(now)
            .inspect_err(|reason| tracing::warn!(path = %self.path.display(), reason, "the snapshot is not used"))
            .ok()??;
        self.written = Some(Written { keys: Arc::clone(&kept.keys), confirmed_at: kept.confirmed_at });
        Some(kept)
    }

    fn parse(&self, bytes: &[u8], now: Timestamp) -> Result<Kept, &'static str> {
        let stored: Stored<Value> = serde_json::from_slice(bytes).map_err(|_| "it is damaged")?;
        if stored.url != self.address.shown() {
            return Err("its keys are from another address");
        }
        if stored.issuer.is_some_and(|issuer| issuer != self.issuer) {
            return Err("its keys are of another issuer");
        }
        if stored.fetched_at > now.plus(MAX_AHEAD) {
            return Err("it is from the future");
        }
        if now.since(stored.fetched_at) > MAX_AGE {
            return Err("it is older than 24 hours");
        }
        let keys = KeySet::from_jwks(stored.jwks.to_string().as_bytes()).map_err(|_| "it holds no usable key")?;
        Ok(Kept { keys: Arc::new(keys), confirmed_at: stored.fetched_at })
    }

    /// Keeps keys that were confirmed now, if they are others than those in the file, or its date says too little. A file
    /// that cannot be written is worth a warning and nothing more, and is tried again with the next answer.
    pub(super) fn keep(&mut self, keys: &Arc<KeySet>, now: Timestamp) {
        let is_there = |written: &Written| written.keys == *keys && now.since(written.confirmed_at) < CONFIRM_AFTER;
        if self.written.as_ref().is_some_and(is_there) {
            return;
        }
        let (url, issuer) = (self.address.shown(), Some(self.issuer.clone()));
        let stored = Stored { fetched_at: now, url, issuer, jwks: &**keys };
        match serde_json::to_vec(&stored).map_err(io::Error::from).and_then(|bytes| self.write(&bytes)) {
            Ok(()) => {
                self.written = Some(Written { keys: Arc::clone(keys), confirmed_at: now });
                self.said = None;
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    fn complain(&mut self, reason: String) {
        if self.said.as_ref() != Some(&reason) {
            tracing::warn!(path = %self.path.display(), error = reason, "cannot keep the keys for a restart");
            self.said = Some(reason);
        }
    }

    /// Readers find the old file or the new one, never a half.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(directory) = self.path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            files::create_private_directory(directory)?;
        }
        let unique = RandomState::new().hash_one(std::process::id());
        let draft = self.path.with_extension(format!("{unique:016x}.tmp"));
        // Whoever writes it decides whose tokens are believed.
        let written = files::create_private(&draft)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, &self.path));
        if written.is_err() {
            let _nothing_to_remove = fs::remove_file(&draft);
        }
        written
    }
}
