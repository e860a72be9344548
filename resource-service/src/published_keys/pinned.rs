//! Keys pinned in a file.

use super::{Origin, PublishedKeys};
use shared::access_token::KeySet;
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// One byte more than a key set may have, so that a larger file is refused without being read whole.
const MAX_BYTES: u64 = 256 * 1024 + 1;

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
        let found = read(&self.path).map_err(|error| error.kind());
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

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
