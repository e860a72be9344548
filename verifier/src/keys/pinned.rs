//! Keys pinned in a file.

use super::{
    files,
    state::{Origin, State},
    unused::Unused,
};
use crate::{KeySet, Reading};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The largest key set, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Reads the file now, and again whenever its content changes. A read that takes long, such as from an unreachable file
/// server, blocks nothing else.
pub(super) async fn follow(keys: Arc<State>, path: PathBuf, interval: Duration) {
    let mut file = PinnedFile { path: path.into(), last: None, pinned: None, unused: Unused::default() };
    loop {
        file.take_changes(&keys).await;
        keys.has_looked();
        tokio::time::sleep(interval).await;
    }
}

/// What a file of pinned keys holds, JWKS or PEM, read as [`KeySource::Pinned`](super::KeySource) reads it.
///
/// # Errors
/// Those of the file system, also when it is not a small regular file.
pub fn read_pinned(path: &Path) -> io::Result<Reading> {
    let bytes = files::read(path, MAX_BYTES)?;
    Ok(Reading::of_jwks_or_pem(&bytes))
}

struct PinnedFile {
    path: Arc<Path>,
    /// What was read last, good or bad: content is compared, since a timestamp can stay the same.
    last: Option<Arc<Result<Vec<u8>, String>>>,
    /// The keys in what was read last, if it was good: as long as the file stays the same, it confirms them.
    pinned: Option<Arc<KeySet>>,
    unused: Unused,
}

impl PinnedFile {
    async fn take_changes(&mut self, keys: &State) {
        let now = keys.clock.now();
        let (path, last) = (Arc::clone(&self.path), self.last.clone());
        let looked = tokio::task::spawn_blocking(move || look(&path, last.as_deref())).await;
        if let Ok(Some((found, reading))) = looked {
            self.pinned = self.taken(&found, reading, keys);
            self.last = Some(Arc::new(found));
        }
        match &self.pinned {
            Some(pinned) => keys.replace(Arc::clone(pinned), Origin::Pinned, now),
            None => keys.doubt(),
        }
    }

    fn taken(
        &mut self,
        found: &Result<Vec<u8>, String>,
        reading: Option<Reading>,
        keys: &State,
    ) -> Option<Arc<KeySet>> {
        let path = self.path.display();
        if let Err(error) = found {
            tracing::error!(%path, error, "cannot read the pinned file: keeping the current keys, if any");
        }
        let reading = reading?;
        self.unused.say(&reading.unused);
        match reading.keys {
            Ok(pinned) => {
                tracing::info!(%path, keys = pinned.len(), "using the keys of the pinned file");
                keys.say_what_changes(&pinned);
                Some(Arc::new(pinned))
            }
            Err(error) => {
                tracing::error!(%path, %error, "the pinned file is broken: keeping the current keys, if any");
                None
            }
        }
    }
}

/// What was found, and the key set that it was read as.
type Found = (Result<Vec<u8>, String>, Option<Reading>);

/// Reads the file; `None` if nothing has changed since it was last read.
fn look(path: &Path, last: Option<&Result<Vec<u8>, String>>) -> Option<Found> {
    let found = files::read(path, MAX_BYTES).map_err(|error| error.to_string());
    if last == Some(&found) {
        return None;
    }
    let reading = found.as_deref().ok().map(Reading::of_jwks_or_pem);
    files::warn_if_anybody_may_write(path);
    Some((found, reading))
}
