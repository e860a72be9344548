//! Whether a file can be created somewhere, checked without creating one; and whether everybody can change it.

use super::Finding;
use jeton_verifier::keys::anybody_may_write;
use std::path::Path;

/// Whether the current user can create or replace a file at this path: whether its directory, or the nearest one above
/// it that exists, is writable.
///
/// # Errors
/// One sentence that names the directory.
pub(super) fn can_be_made(file: &Path) -> Result<(), String> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let above = directory.ancestors().filter(|directory| !directory.as_os_str().is_empty());
    let nearest = above.into_iter().find(|directory| directory.exists()).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Err(format!("{} is not a directory", nearest.display()));
    }
    may_write(nearest)
        .map_err(|error| format!("this user cannot write to the directory {}: {error}", nearest.display()))
}

/// The finding about a file of keys that every user of the machine may write.
pub(super) fn for_anybody(place: &str, file: &Path) -> Option<Finding> {
    anybody_may_write(file).then(|| {
        Finding::warning(format!(
            "{place}: every user of this machine may write it, and so decide whose tokens are accepted: `chmod o-w` it"
        ))
    })
}

#[cfg(unix)]
fn may_write(directory: &Path) -> std::io::Result<()> {
    use rustix::fs::{Access, access};
    Ok(access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(not(unix))]
fn may_write(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_as_writable_as_the_nearest_directory_that_exists() {
        let directory = tempfile::TempDir::new().expect("a directory");
        assert_eq!(can_be_made(&directory.path().join("a/b/c.db")), Ok(()));
        assert_eq!(std::fs::read_dir(directory.path()).expect("our own").count(), 0, "nothing was made");
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(can_be_made(&file.path().join("c.db")).is_err_and(|reason| reason.contains("is not a directory")));
    }
}
