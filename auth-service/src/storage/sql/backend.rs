//! What differs between the two databases.

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    Postgres,
}

/// Run on each new connection to SQLite that writes what must be durable: the log is flushed at every commit. The short
/// busy timeout is no limit, see `connections.rs`.
pub(super) const SQLITE_DURABLE: &str =
    "PRAGMA busy_timeout = 5; PRAGMA foreign_keys = ON; PRAGMA cache_size = -1000; PRAGMA synchronous = FULL";

/// Run on each other connection to SQLite: commits survive the end of the process, not all that of the machine.
pub(super) const SQLITE_RELAXED: &str =
    "PRAGMA busy_timeout = 5; PRAGMA foreign_keys = ON; PRAGMA cache_size = -1000; PRAGMA synchronous = NORMAL";

/// Run on each new connection to PostgreSQL. A server may be set up to acknowledge what is not durable.
pub(super) const POSTGRES: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

impl Backend {
    pub(super) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The present moment in milliseconds, in SQL. PostgreSQL tells it; on SQLite it is the first value of a statement.
    pub(super) fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "$1",
            Self::Postgres => "coalesce($1, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)",
        }
    }
}
