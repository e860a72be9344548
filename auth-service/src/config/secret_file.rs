//! The root secret of an embedded installation: made at first start, readable by its owner only.

use crate::domain::secrets::RootSecret;
use shared::files;
use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::Path,
};

/// Reads the secret, or makes it. Of several processes that start at once, one makes it and all read the same.
///
/// # Errors
/// One sentence that names the file.
pub fn read_or_create(path: &Path) -> Result<RootSecret, String> {
    let explain = |error: io::Error| format!("cannot read or create {}: {error}", path.display());
    if !path.try_exists().map_err(explain)? {
        create(path).map_err(explain)?;
    }
    let text = files::read_text(path).map_err(explain)?;
    files::warn_if_anybody_may_read("AUTH_SECRET", path);
    RootSecret::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads the secret of an existing installation.
///
/// # Errors
/// One sentence that names the file.
pub fn read(path: &Path) -> Result<RootSecret, String> {
    if !path.exists() {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        return Err(format!(
            "there is no installation here: no file {}. Give the settings of the service (AUTH_DATABASE_URL; a relative path counts from the current directory), or make an installation: start the service, or `auth-service init`",
            path.display()
        ));
    }
    read_or_create(path)
}

/// Reads the secret; if there is none yet, a random one stands in for it and no file is made.
///
/// # Errors
/// One sentence that names the file.
pub fn read_or_stand_in(path: &Path) -> Result<RootSecret, String> {
    if path.exists() {
        return read_or_create(path);
    }
    RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string())
}

/// Writes another file and links it into place: readers never see half a secret, and none is overwritten.
fn create(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    files::create_private_directory(directory)?;
    let aside = directory.join(format!(".secret-{}", uuid::Uuid::new_v4()));
    let mut file = files::create_private(&aside)?;
    let written = file.write_all(RootSecret::generate().as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&aside, path));
    fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
