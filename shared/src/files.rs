//! Small files that people and their tools write (secrets, passwords, roles, keys), read in one way everywhere; and the
//! private files and directories that a service creates.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read as _},
    path::Path,
};

/// How many bytes a file of one value, or of roles, may have: 256 KiB.
pub const MAX_TEXT: u64 = 256 * 1024;

/// What some editors and shells put in front of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Opens a regular file to read it. Nothing else is opened: a pipe would block, and a device may not end. The verifier, which
/// stands alone, opens its files of keys in the same way.
///
/// # Errors
/// What is wrong, in words that follow "cannot read PATH:".
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Checked again once it is open, when it can no longer be replaced.
    only_regular(&fs::metadata(path)?)?;
    let file = without_waiting().read(true).open(path)?;
    only_regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// What is wrong, in words that follow "cannot read PATH:".
pub fn read_whole(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of at most [`MAX_TEXT`] bytes as [`text`].
///
/// # Errors
/// What is wrong, in words that follow "cannot read PATH:".
pub fn read_text(path: &Path) -> io::Result<String> {
    text(&read_whole(path, MAX_TEXT)?)
}

/// The text in these bytes: UTF-8, without a leading byte order mark and without the one line end that editors and
/// `echo` append.
///
/// # Errors
/// When it is not UTF-8.
pub fn text(bytes: &[u8]) -> io::Result<String> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let text = str::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))?;
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(line.to_owned())
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

/// Whether every user of the machine may read a file. On read-only mounts, modes mean little: containers get their
/// secrets that way.
fn anybody_may_read(path: &Path) -> bool {
    has_mode(path, 0o004) && !is_mounted_read_only(path)
}

/// Warns of a secret that every user of the machine may read. `source` is the setting that names the file.
pub fn warn_if_anybody_may_read(source: &str, path: &Path) {
    if anybody_may_read(path) {
        let path = path.display();
        tracing::warn!(source, %path, "every user of this machine may read this secret: `chmod o-r` the file");
    }
}

/// Creates a directory, and those above it, for its owner only. Existing ones stay as they are.
///
/// # Errors
/// Those of the file system.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Creates a file that only its owner reads and writes.
///
/// # Errors
/// Those of the file system; [`ErrorKind::AlreadyExists`] when it exists.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// Creates the file of an SQLite database, and the directory it is in, unless they exist. SQLite gives the files that
/// it puts beside it the same mode.
///
/// # Errors
/// Those of the file system.
pub fn create_private_database(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        create_private_directory(directory)?;
    }
    match create_private(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
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

/// Whether it is a regular file with one of these bits in its mode.
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
        read_text(path).expect_err("it is refused").to_string()
    }

    #[test]
    fn a_byte_order_mark_and_one_line_end_are_not_part_of_the_text() {
        for (written, meant) in [
            ("hush", "hush"),
            ("hush\n", "hush"),
            ("hush\r\n", "hush"),
            ("\u{FEFF}hush\r\n", "hush"),
            ("hush\n\n", "hush\n"),
            ("hush\r", "hush\r"),
            (" hush ", " hush "),
            ("\u{FEFF}\u{FEFF}hush", "\u{FEFF}hush"),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(text(written.as_bytes()).expect("it is UTF-8"), meant, "{written:?}");
        }
        let utf_16 = text(b"\xFF\xFEh\0u\0").expect_err("that is not UTF-8");
        assert_eq!(utf_16.to_string(), "it is not UTF-8 text");
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
        let large = directory.path().join("large");
        fs::write(&large, vec![b'x'; 1 + MAX_TEXT as usize]).expect("a file");
        assert_eq!(reason(&large), "it is larger than 262144 bytes");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).expect("a link");
        assert!(reason(&link).contains("a pipe"), "a link is what it leads to");
        assert!(reason(&directory.path().join("nothing")).contains("No such file"));
    }

    #[test]
    fn a_secret_that_everybody_may_read_is_noticed() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for (mode, is_open) in [(0o600, false), (0o640, false), (0o644, true), (0o444, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("our own file");
            assert_eq!(anybody_may_read(file.path()), is_open, "{mode:o}");
        }
        assert!(!anybody_may_read(Path::new("/nowhere")));
    }

    #[test]
    fn created_files_and_directories_are_for_their_owner_only() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("a/b/books.db");
        for _ in 0..2 {
            create_private_database(&path).expect("made, or there");
        }
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!([mode(&directory.path().join("a")), mode(&directory.path().join("a/b"))], [0o700, 0o700]);
    }
}
