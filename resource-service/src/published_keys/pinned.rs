//! Keys pinned in a file.

use super::{Origin, PublishedKeys};
use shared::{access_token::KeySet, files};
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// As many as a key set may have.
const MAX_BYTES: u64 = 256 * 1024;

/// Reads the file now, and again whenever its content changes.
pub(super) fn follow(keys: Arc<PublishedKeys>, path: PathBuf, interval: Duration) {
    let mut file = PinnedFile { path, last: None, pinned: None };
    file.take_changes(&keys);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(interval).await;
            file.take_changes(&keys);
        }
    });
}

struct PinnedFile {
    path: PathBuf,
    /// What was read last, good or bad: content is compared, since a time stamp can stay the same.
    last: Option<Result<Vec<u8>, io::ErrorKind>>,
    /// The keys in what was read last, if it was good: as long as it stays the same, it confirms them.
    pinned: Option<Arc<KeySet>>,
}

impl PinnedFile {
    fn take_changes(&mut self, keys: &PublishedKeys) {
        let now = keys.clock.now();
        let found = files::read(&self.path, MAX_BYTES).map_err(|error| error.kind());
        if self.last.as_ref() != Some(&found) {
            self.pinned = self.parsed(&found);
            self.last = Some(found);
        }
        match &self.pinned {
            Some(pinned) => keys.replace(Arc::clone(pinned), Origin::Pinned, now),
            None => keys.doubt(),
        }
    }

    fn parsed(&self, found: &Result<Vec<u8>, io::ErrorKind>) -> Option<Arc<KeySet>> {
        let path = self.path.display();
        match found.as_deref().map(KeySet::from_jwks_or_pem) {
            Ok(Ok(pinned)) => {
                tracing::info!(%path, keys = pinned.len(), "using the keys of the pinned file");
                return Some(Arc::new(pinned));
            }
            Ok(Err(error)) => {
                tracing::error!(%path, %error, "the pinned file is broken: keeping the keys at hand, if any")
            }
            Err(error) => {
                tracing::error!(%path, %error, "cannot read the pinned file: keeping the keys at hand, if any")
            }
        }
        None
    }
}
