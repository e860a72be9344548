//! The stores.

use crate::storage::{redis::RedisStores, sql};
use shared::{
    settings,
    settings::{Settings, percent_encoded},
};
use std::path::PathBuf;
use url::Url;

settings! {
    /// Database of users, signing keys and ended sessions: sqlite://path or postgres://…
    url AUTH_DATABASE_URL: String = "sqlite://data/auth.db", database_url;
    /// Redis for sessions and throttling: redis://…, rediss://…, redis+cluster://a,b,c, redis+sentinel://a,b,c/master. Without it, the database holds them.
    url AUTH_REDIS_URL: String, redis_url;
}

/// The stores' addresses.
pub(super) struct Stores {
    pub(super) database_url: String,
    pub(super) redis_url: Option<String>,
    has_redis: bool,
}

impl Stores {
    pub(super) fn read(settings: &Settings) -> Self {
        Self {
            database_url: settings.get(&AUTH_DATABASE_URL),
            redis_url: settings.find(&AUTH_REDIS_URL),
            has_redis: settings.is_given(&AUTH_REDIS_URL.named),
        }
    }

    /// The directory of the SQLite file that holds everything; `None` if there is another store.
    pub(super) fn only_directory(&self) -> Option<PathBuf> {
        if self.has_redis { None } else { sqlite_directory(&self.database_url) }
    }
}

/// Refuses a malformed URL at once, since waiting for the database would not help. The error does not repeat it: it may
/// hold a password.
fn database_url(text: &str) -> Result<String, String> {
    const FORM: &str = "must be sqlite://path or postgres://user:password@host:port/database";
    if text.starts_with("sqlite:") {
        return sql::check(text).map(|()| text.to_owned());
    }
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err(FORM.to_owned());
    }
    percent_encoded(text).map_err(|reason| format!("{FORM}; {reason}"))?;
    Url::parse(text).map_err(|_| FORM.to_owned())?;
    sql::check(text).map(|()| text.to_owned())
}

fn redis_url(text: &str) -> Result<String, String> {
    percent_encoded(text)?;
    RedisStores::connect(text).map(|_| text.to_owned())
}

/// The directory of an SQLite file; `None` for another database, or one in memory.
fn sqlite_directory(database_url: &str) -> Option<PathBuf> {
    let file = sql::file_of(database_url)?;
    let directory = file.parent()?;
    Some(if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory.to_path_buf() })
}
