//! What differs between the two databases.

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Backend {
    Sqlite,
    Postgres,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) enum Purpose {
    /// SQLite, writing what must be durable: the log is flushed at every commit.
    SqliteDurable,
    /// SQLite, writing many users at once, as durably. Their ids are random, so each batch changes pages all over the
    /// indexes: with little memory, they are read and written several times a batch; if the log is carried over into
    /// the file after each batch, most of them are written twice.
    SqliteBulk,
    /// SQLite, for the rest: commits survive the end of the process, but the last ones may not survive a power failure.
    SqliteRelaxed,
    /// PostgreSQL, for everything.
    Postgres,
}

impl Purpose {
    /// For the first look at a database.
    pub(in crate::storage) fn first(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::SqliteDurable,
            Backend::Postgres => Self::Postgres,
        }
    }

    /// What is run on a new connection. SQLite's short busy timeout is not a limit, see `pool.rs`. A PostgreSQL
    /// server may be configured to acknowledge what is not durable.
    pub(in crate::storage) fn setup(self) -> &'static str {
        match self {
            Self::SqliteDurable => "PRAGMA busy_timeout = 5; PRAGMA cache_size = -1000; PRAGMA synchronous = FULL",
            Self::SqliteBulk => {
                "PRAGMA busy_timeout = 5; PRAGMA cache_size = -32000; PRAGMA wal_autocheckpoint = 4000; PRAGMA synchronous = FULL"
            }
            Self::SqliteRelaxed => "PRAGMA busy_timeout = 5; PRAGMA cache_size = -1000; PRAGMA synchronous = NORMAL",
            Self::Postgres => {
                "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
            }
        }
    }
}

impl Purpose {
    /// Begins a transaction that writes.
    pub(in crate::storage) fn begin(self) -> &'static str {
        match self {
            Self::SqliteDurable | Self::SqliteBulk | Self::SqliteRelaxed => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

impl Backend {
    /// Makes other transactions that begin with it wait until this one ends. On SQLite, transactions that write do so
    /// anyway.
    pub(in crate::storage) fn one_after_the_other(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            // As text, since the driver cannot read the type that the function returns. The number is arbitrary, and is
            // used for nothing else.
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7215634)::text"),
        }
    }

    /// Makes other transactions that change the user `$1` wait until this one ends. On SQLite, all that write wait.
    pub(in crate::storage) fn lock_of_user(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT id FROM users WHERE id = $1 FOR UPDATE"),
        }
    }

    pub(in crate::storage) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The current time in milliseconds, in SQL. PostgreSQL provides it; on SQLite it is the first value of a
    /// statement.
    pub(in crate::storage) fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "$1",
            Self::Postgres => "coalesce($1, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)",
        }
    }
}
