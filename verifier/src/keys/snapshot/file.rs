//! The file of a snapshot: replaced whole, and only where no other file would be lost.

use crate::keys::files;
use std::{
    fs::{self, Metadata},
    hash::{BuildHasher as _, RandomState},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// How a kind of snapshot is told from other files.
pub(crate) struct Form {
    /// What every one begins with, whole or not.
    pub(crate) beginning: &'static [u8],
    /// The largest one, in bytes.
    pub(crate) max_bytes: u64,
    /// Why a file that is none is left alone.
    pub(crate) not_ours: &'static str,
}

/// Distinguishes a file from others, and from itself after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// `None` where files have no inode.
    inode: Option<u64>,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// Of the file at this path, if it is there.
    pub(super) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::of)
    }

    fn of(metadata: &Metadata) -> Self {
        Self { inode: inode(metadata), length: metadata.len(), modified: metadata.modified().ok() }
    }

    fn is_same_file(&self, other: &Self) -> bool {
        self.inode.is_some() && self.inode == other.inode
    }
}

impl Form {
    /// What the file holds.
    ///
    /// # Errors
    /// Those of the file system, [`io::ErrorKind::NotFound`] if it is not there.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        files::read(path, self.max_bytes)
    }

    /// Whether this was written as a snapshot, however damaged. After a crash, a file can be empty or all zeros.
    pub(crate) fn is_ours(&self, bytes: &[u8]) -> bool {
        let written = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        written.take(self.beginning.len()).eq(self.beginning) || bytes.iter().all(|byte| *byte == 0)
    }

    /// Whether a snapshot may be written here: where there is no file, a snapshot, or the file that was one when it was
    /// last read.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may_replace(&self, path: &Path, known: Option<&Stamp>) -> io::Result<()> {
        match self.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(bytes)
                if self.is_ours(&bytes) || Stamp::at(path).zip(known).is_some_and(|(is, was)| is.is_same_file(was)) =>
            {
                Ok(())
            }
            Ok(_) => Err(io::Error::other(self.not_ours)),
        }
    }
}

/// Replaces the file by one that only its owner can read and write. Readers find the old one or the new one, never a
/// part.
///
/// # Errors
/// Those of the file system.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<Stamp> {
    if let Some(directory) = directory(path) {
        files::create_private_directory(directory)?;
    }
    with_draft(path, bytes, |draft, metadata| {
        fs::rename(draft, path)?;
        Ok(Stamp::of(metadata))
    })
}

/// Goes as far as [`replace`] can without changing anything, in an existing directory.
///
/// # Errors
/// Why it would fail.
pub(super) fn try_to_replace(path: &Path) -> io::Result<()> {
    with_draft(path, &[0; 4096], |_, draft| removable(path, draft))
}

/// Writes a draft beside this file, and removes it afterwards unless it was renamed.
fn with_draft<T>(path: &Path, bytes: &[u8], then: impl FnOnce(&Path, &Metadata) -> io::Result<T>) -> io::Result<T> {
    let draft = draft_of(path);
    let made = files::create_private(&draft)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            file.metadata()
        })
        .and_then(|metadata| then(&draft, &metadata));
    let _renamed_or_not_made = fs::remove_file(&draft);
    made
}

fn draft_of(path: &Path) -> PathBuf {
    let unique = RandomState::new().hash_one(std::process::id());
    path.with_extension(format!("{unique:016x}.tmp"))
}

fn directory(path: &Path) -> Option<&Path> {
    path.parent().filter(|directory| !directory.as_os_str().is_empty())
}

/// In a sticky directory, such as /tmp, only root and the owners of the file and of the directory may remove a file.
/// `draft` belongs to the current user.
#[cfg(unix)]
fn removable(path: &Path, draft: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    let directory = fs::metadata(directory(path).unwrap_or(Path::new(".")))?;
    if !may_remove(draft.uid(), directory.mode(), [file.uid(), directory.uid()]) {
        return Err(io::Error::other("it is another user's, in a directory where only its owner may replace it"));
    }
    Ok(())
}

#[cfg(unix)]
fn may_remove(user: u32, mode_of_directory: u32, owners: [u32; 2]) -> bool {
    let is_sticky = mode_of_directory & 0o1000 != 0;
    !is_sticky || user == 0 || owners.contains(&user)
}

#[cfg(not(unix))]
fn removable(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn in_a_sticky_directory_only_owners_and_root_replace_a_file() {
        let (root, us, other) = (0, 1000, 1001);
        assert!(!may_remove(us, 0o1777, [other, root]));
        assert!(may_remove(us, 0o1777, [us, root]) && may_remove(us, 0o1777, [other, us]));
        assert!(may_remove(root, 0o1777, [other, other]));
        assert!(may_remove(us, 0o777, [other, root]), "without the bit, whoever may write to the directory");
    }
}
