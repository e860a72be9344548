//! The last good keys in a file, so that a restart works while the issuer is down.

pub(crate) mod file;
#[cfg(test)]
mod tests;

use super::{address::Address, files};
use crate::{KeySet, clock::Timestamp};
use file::{Form, Stamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// A key set of the largest size, and what is written around it.
const FORM: Form = Form {
    beginning: br#"{"fetched_at":"#,
    max_bytes: 512 * 1024,
    not_ours: "it is not a snapshot of keys, and is left alone: name another file",
};
/// Older snapshots are not used.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Unchanged keys are written again once the file is this old, so that its date says, to within an hour, when they were
/// last confirmed. The modification time of the file would not do: a copy has a new one.
const CONFIRM_AFTER: Duration = Duration::from_secs(60 * 60);
/// Clocks that differ by no more than this agree.
const TOLERANCE: Duration = Duration::from_secs(60);

/// A file that keeps the last good keys from one address.
pub struct Snapshot {
    path: PathBuf,
    address: Address,
    issuer: String,
    written: Option<Written>,
    /// The file that was a snapshot until somebody changed it.
    stood_at: Option<Stamp>,
    /// The last warning about the file.
    said: Option<String>,
}

/// What is in the file, as far as this process knows.
struct Written {
    keys: Arc<KeySet>,
    confirmed_at: Timestamp,
    /// What the file was when it was written or read.
    stamp: Stamp,
}

impl Written {
    /// Whether the file need not be written again. A date in the future would never seem old.
    fn serves(&self, keys: &KeySet, now: Timestamp) -> bool {
        let is_of_now = self.confirmed_at <= now && now.since(self.confirmed_at) < CONFIRM_AFTER;
        *self.keys == *keys && is_of_now
    }
}

/// Keys that were read from a snapshot.
#[derive(Debug)]
#[non_exhaustive]
pub struct Kept {
    /// The keys.
    pub keys: Arc<KeySet>,
    /// When they were last confirmed, by the clock of that process.
    pub confirmed_at: Timestamp,
}

impl Kept {
    fn written(&self, stamp: Stamp) -> Written {
        Written { keys: Arc::clone(&self.keys), confirmed_at: self.confirmed_at, stamp }
    }

    /// How far in the future their date is, if the clock was wrong when they were confirmed or is wrong now.
    #[must_use]
    pub fn ahead(&self, now: Timestamp) -> Option<Duration> {
        Some(self.confirmed_at.since(now)).filter(|ahead| *ahead > TOLERANCE)
    }
}

/// What the file holds: public keys only.
#[derive(Serialize, Deserialize)]
struct Stored<Keys> {
    /// Milliseconds since 1970.
    fetched_at: Timestamp,
    /// The address, without its secrets. Keys from another one are not used.
    url: String,
    /// Keys of another issuer are not used. Earlier versions did not write it.
    issuer: Option<String>,
    jwks: Keys,
}

impl Snapshot {
    /// A snapshot in this file, for the keys that this issuer publishes at this address.
    #[must_use]
    pub fn at(path: PathBuf, address: Address, issuer: String) -> Self {
        Self { path, address, issuer, written: None, stood_at: None, said: None }
    }

    /// What is in the file.
    ///
    /// # Errors
    /// Why it is not used; `Ok(None)` if there is no file.
    pub fn read(&self, now: Timestamp) -> Result<Option<Kept>, String> {
        match FORM.read(&self.path) {
            Ok(bytes) => Ok(Some(self.parse(&bytes, now)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Tries whether the service could replace the file, as far as possible without changing anything, in an existing
    /// directory.
    ///
    /// # Errors
    /// Why not.
    pub fn try_to_replace(&self) -> io::Result<()> {
        FORM.may_replace(&self.path, None)?;
        file::try_to_replace(&self.path)
    }

    /// The keys in the file, if it is there, sound, of the same address and not too old.
    pub(super) fn load(&mut self, now: Timestamp) -> Option<Kept> {
        let stamp = Stamp::at(&self.path);
        let path = self.path.display();
        let kept =
            self.read(now).inspect_err(|reason| tracing::warn!(%path, reason, "the snapshot is not used")).ok()??;
        if let Some(ahead) = kept.ahead(now) {
            let ahead_seconds = ahead.as_secs();
            tracing::warn!(%path, ahead_seconds, "the snapshot is dated in the future: was the clock wrong then, or is it now?");
        }
        // If anybody may write it, the next answer replaces it by a private file.
        if !files::warn_if_anybody_may_write(&self.path) {
            self.written = stamp.map(|stamp| kept.written(stamp));
        }
        Some(kept)
    }

    fn parse(&self, bytes: &[u8], now: Timestamp) -> Result<Kept, &'static str> {
        if !FORM.is_ours(bytes) {
            return Err(FORM.not_ours);
        }
        let stored: Stored<Value> = serde_json::from_slice(bytes).map_err(|_| "it is damaged")?;
        if stored.url != self.address.shown() {
            return Err("its keys are from another address");
        }
        if stored.issuer.is_some_and(|issuer| issuer != self.issuer) {
            return Err("its keys are another issuer's");
        }
        // A date in the future means that a clock was wrong, not that the keys are.
        if now.since(stored.fetched_at) > MAX_AGE {
            return Err("it is older than 24 hours");
        }
        let keys = KeySet::from_jwks(stored.jwks.to_string().as_bytes()).map_err(|_| "it holds no usable key")?;
        Ok(Kept { keys: Arc::new(keys), confirmed_at: stored.fetched_at })
    }

    /// Writes keys that were confirmed now, unless the file holds them with a recent date. If the file cannot be
    /// written, that is logged, and tried again with the next answer.
    pub(super) fn keep(&mut self, keys: &Arc<KeySet>, now: Timestamp) {
        self.look_again(now);
        if self.written.as_ref().is_some_and(|written| written.serves(keys, now)) {
            return;
        }
        match self.write(keys, now) {
            Ok(stamp) => {
                self.written = Some(Written { keys: Arc::clone(keys), confirmed_at: now, stamp });
                (self.stood_at, self.said) = (None, None);
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    /// Reads the file again if it has changed: somebody has removed or changed it, or a replica has written it.
    fn look_again(&mut self, now: Timestamp) {
        let Some(known) = self.written.as_ref().map(|written| written.stamp) else { return };
        let stamp = Stamp::at(&self.path);
        if stamp == Some(known) {
            return;
        }
        let kept = self.read(now).ok().flatten();
        self.written = stamp.zip(kept).map(|(stamp, kept)| kept.written(stamp));
        self.stood_at = Some(known);
    }

    fn complain(&mut self, reason: String) {
        if self.said.as_ref() != Some(&reason) {
            tracing::warn!(path = %self.path.display(), error = reason, "cannot keep the keys for a restart");
            self.said = Some(reason);
        }
    }

    fn write(&self, keys: &KeySet, now: Timestamp) -> io::Result<Stamp> {
        FORM.may_replace(&self.path, self.stood_at.as_ref())?;
        let (url, issuer) = (self.address.shown(), Some(self.issuer.clone()));
        let bytes = serde_json::to_vec(&Stored { fetched_at: now, url, issuer, jwks: keys })?;
        file::replace(&self.path, &bytes)
    }
}
