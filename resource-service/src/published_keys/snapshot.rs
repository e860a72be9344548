//! The last good keys in a file, so that a restart works while the issuer is down.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{access_token::KeySet, clock::Timestamp, files};
use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    io,
    io::Write as _,
    path::PathBuf,
    time::Duration,
};
use url::Url;

/// Older snapshots are not used.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// A snapshot from further ahead was written by a clock that was wrong.
const MAX_AHEAD: Duration = Duration::from_secs(60);
/// Unchanged keys are written anew when the file is so old, so that its age says when they were last confirmed.
const CONFIRM_AFTER: Duration = Duration::from_secs(10 * 60);

/// A key set of the largest size, and what is written around it.
const MAX_BYTES: u64 = 512 * 1024;

/// A file of keys from one address.
pub(super) struct Snapshot {
    path: PathBuf,
    url: Url,
    written_at: Option<Timestamp>,
}

/// What the file holds: public keys only.
#[derive(Serialize, Deserialize)]
struct Stored<Keys> {
    /// Milliseconds since 1970.
    fetched_at: Timestamp,
    /// Keys of another address are not used.
    url: String,
    jwks: Keys,
}

impl Snapshot {
    pub(super) fn at(path: PathBuf, url: Url) -> Self {
        Self { path, url, written_at: None }
    }

    /// The keys and when they were last confirmed, if the file is there, sound, of the same address and not too old.
    pub(super) fn load(&self, now: Timestamp) -> Option<(KeySet, Timestamp)> {
        let bytes = match files::read(&self.path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot read the snapshot of the keys");
                return None;
            }
        };
        self.parse(&bytes, now)
            .inspect_err(|reason| tracing::warn!(path = %self.path.display(), reason, "the snapshot is not used"))
            .ok()
    }

    fn parse(&self, bytes: &[u8], now: Timestamp) -> Result<(KeySet, Timestamp), &'static str> {
        let stored: Stored<Value> = serde_json::from_slice(bytes).map_err(|_| "it is damaged")?;
        if stored.url != self.url.as_str() {
            return Err("its keys are from another address");
        }
        if stored.fetched_at > now.plus(MAX_AHEAD) {
            return Err("it is from the future");
        }
        if now.since(stored.fetched_at) > MAX_AGE {
            return Err("it is older than 24 hours");
        }
        let keys = KeySet::from_jwks(stored.jwks.to_string().as_bytes()).map_err(|_| "it holds no usable key")?;
        Ok((keys, stored.fetched_at))
    }

    /// Keeps keys that were confirmed now. A file that cannot be written is worth a warning and nothing more.
    pub(super) fn keep(&mut self, keys: &KeySet, now: Timestamp, changed: bool) {
        if !changed && self.written_at.is_some_and(|written| now.since(written) < CONFIRM_AFTER) {
            return;
        }
        self.written_at = Some(now);
        let stored = Stored { fetched_at: now, url: self.url.to_string(), jwks: keys };
        if let Err(error) = serde_json::to_vec(&stored).map_err(io::Error::from).and_then(|bytes| self.write(&bytes)) {
            tracing::warn!(path = %self.path.display(), %error, "cannot keep the keys for a restart");
        }
    }

    /// Readers find the old file or the new one, never a half.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
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
