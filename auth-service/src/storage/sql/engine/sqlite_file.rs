//! The file of an SQLite database, which only its owner may read.

use super::address;
use shared::files;
use sqlx::sqlite::SqliteConnectOptions;
use std::str::FromStr as _;

/// Makes the file, and the directory it is in, unless they exist.
pub(in crate::storage) fn create(url: &str) -> Result<(), String> {
    address::names_a_file(url)?;
    let options = SqliteConnectOptions::from_str(url).map_err(|error| error.to_string())?;
    let path = options.get_filename();
    files::create_private_database(path).map_err(|error| format!("cannot create {}: {error}", path.display()))
}

/// Whether the file exists.
pub(in crate::storage) fn is_there(url: &str) -> bool {
    SqliteConnectOptions::from_str(url).is_ok_and(|options| options.get_filename().is_file())
}
