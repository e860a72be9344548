//! Files of keys: read without blocking, and created for their owner only.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read as _},
    path::Path,
};

/// Reads a regular file of at most `limit` bytes. Nothing else is opened: a pipe would block, and a device has no end.
///
/// # Errors
/// What is wrong, in words that follow "cannot read PATH:".
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Checked again once it is open, when nothing else can take its place.
    only_regular(&fs::metadata(path)?)?;
    let file = without_waiting().read(true).open(path)?;
    only_regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

fn only_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory, and must be a file"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a pipe, a socket or a device, and must be a file"));
    }
    Ok(())
}

/// Creates a directory, and those above it, for its owner only. Existing ones stay as they are.
///
/// # Errors
/// Those of the file system.
pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Creates a file that only its owner can read and write.
///
/// # Errors
/// Those of the file system; [`ErrorKind::AlreadyExists`] if it exists.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// Whether every user of the machine may write a file, and so decide whose tokens are accepted. Nobody can write to a
/// read-only mount.
#[must_use]
pub fn anybody_may_write(path: &Path) -> bool {
    has_mode(path, 0o002) && !is_mounted_read_only(path)
}

/// Warns about a file of keys that every user of the machine may write, and returns whether that is so.
pub(crate) fn warn_if_anybody_may_write(path: &Path) -> bool {
    let is_so = anybody_may_write(path);
    if is_so {
        let path = path.display();
        tracing::warn!(%path, "every user of this machine may write this file, and so decide whose tokens are accepted: `chmod o-w` the file");
    }
    is_so
}

#[cfg(unix)]
fn without_waiting() -> OpenOptions {
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn without_waiting() -> OpenOptions {
    File::options()
}

/// Whether a regular file has one of these bits in its mode.
#[cfg(unix)]
fn has_mode(path: &Path, bits: u32) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && std::os::unix::fs::MetadataExt::mode(&metadata) & bits != 0)
}

#[cfg(not(unix))]
fn has_mode(_: &Path, _: u32) -> bool {
    false
}

#[cfg(unix)]
fn is_mounted_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|mount| mount.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

#[cfg(not(unix))]
fn is_mounted_read_only(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use tempfile::TempDir;

    fn reason(path: &Path) -> String {
        read(path, 1024).expect_err("it is refused").to_string()
    }

    #[test]
    fn only_small_regular_files_are_read_and_nothing_blocks() {
        let directory = TempDir::new().expect("a directory");
        assert_eq!(reason(directory.path()), "it is a directory, and must be a file");
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("a pipe");
        for odd in [&pipe, Path::new("/dev/zero"), Path::new("/dev/null")] {
            assert_eq!(reason(odd), "it is a pipe, a socket or a device, and must be a file", "{odd:?}");
        }
        let file = directory.path().join("file");
        for (bytes, is_read) in [(1024, true), (1025, false)] {
            fs::write(&file, vec![b'x'; bytes]).expect("a file");
            assert_eq!(read(&file, 1024).is_ok(), is_read, "{bytes}");
        }
        assert_eq!(reason(&file), "it is larger than 1024 bytes");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).expect("a link");
        assert!(reason(&link).contains("a pipe"), "a link is what it leads to");
        assert!(reason(&directory.path().join("nothing")).contains("No such file"));
    }

    #[test]
    fn a_file_that_everybody_may_write_is_noticed() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for (mode, is_open) in [(0o600, false), (0o664, false), (0o666, true), (0o602, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("our own file");
            assert_eq!(warn_if_anybody_may_write(file.path()), is_open, "{mode:o}");
        }
        assert!(!anybody_may_write(Path::new("/nowhere")) && !anybody_may_write(Path::new("/dev/null")));
    }
}
