//! The file of an SQLite database, which only its owner may read.

use sqlx::sqlite::SqliteConnectOptions;
use std::{
    fs::{DirBuilder, File},
    io,
    path::Path,
    str::FromStr as _,
};

/// Makes the file, and the directory it is in, unless they are there.
pub(super) fn create(url: &str) -> Result<(), String> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| error.to_string())?;
    let path = options.get_filename();
    if path.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
        return Err("connections cannot share a database in memory: name a file".to_owned());
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    directory
        .map_or(Ok(()), create_directory)
        .and_then(|()| create_file(path))
        .map_err(|error| format!("cannot create {}: {error}", path.display()))
}

fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// SQLite gives the files that it puts beside this one the same mode.
fn create_file(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.write(true).create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
