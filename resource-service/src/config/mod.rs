//! Settings, and what they mean: a file for each part of the service.

mod keys;
mod revocations;
mod server;
#[cfg(test)]
mod tests;

pub use self::revocations::Revocations;

use self::keys::Accepted;
use crate::books;
use clap::ArgMatches;
use jeton_verifier::keys::KeySource;
use shared::{
    origin,
    server::Limits,
    settings,
    settings::{Catalog, Mistakes, Settings},
};
use sqlx::sqlite::SqliteConnectOptions;
use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

settings! {
    /// SQLite database of the books.
    plain RESOURCE_DATABASE_URL: SqliteConnectOptions = "sqlite://data/books.db", books::connect_options;
    /// Browser origins that may call, separated by commas.
    plain RESOURCE_ALLOWED_ORIGINS: Vec<String>, origin::list;
}

/// All settings.
pub const CATALOG: Catalog = Catalog {
    prefix: "RESOURCE_",
    lists: &[server::SETTINGS, keys::SETTINGS, revocations::SETTINGS, SETTINGS],
    shown_by: &["doctor"],
};

/// The values of all settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the public API.
    pub listen: SocketAddr,
    /// Address for health and metrics.
    pub admin_listen: SocketAddr,
    /// Connections of the public API.
    pub connections: Limits,
    /// Exact `iss` to accept.
    pub issuer: String,
    /// Exact `aud` to accept.
    pub audience: String,
    /// Where the public keys come from.
    pub keys: KeySource,
    /// How what has ended is known.
    pub revocations: Revocations,
    /// The books' database.
    pub database: SqliteConnectOptions,
    /// Browser origins that may call.
    pub allowed_origins: Vec<String>,
}

impl Config {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn gather(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        let settings = Settings::gather(CATALOG, flags, environment);
        // Mistakes are reported in the order of reading.
        let (listen, admin_listen) = server::addresses(&settings);
        let connections = server::connections(&settings);
        let Accepted { issuer, keys, audience } = Accepted::read(&settings);
        let revocations = Revocations::read(&settings, &keys, &issuer);
        let config = Self {
            listen,
            admin_listen,
            connections,
            issuer,
            audience,
            keys,
            revocations,
            database: settings.get(&RESOURCE_DATABASE_URL),
            allowed_origins: settings.find(&RESOURCE_ALLOWED_ORIGINS).unwrap_or_default(),
        };
        if config.keeps_keys_in_books() {
            settings.mistake("RESOURCE_JWKS_SNAPSHOT and RESOURCE_DATABASE_URL name the same file: keep them apart");
        }
        settings.finish(config)
    }

    fn keeps_keys_in_books(&self) -> bool {
        let KeySource::Published { snapshot: Some(snapshot), .. } = &self.keys else { return false };
        place(snapshot) == place(self.database.get_filename())
    }
}

/// A path that is equal for all paths to one file, even before it exists.
fn place(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let of_directory = || Some(whole.parent()?.canonicalize().ok()?.join(whole.file_name()?));
    whole.canonicalize().ok().or_else(of_directory).unwrap_or(whole)
}
