//! Where a stack stores its data.

use uuid::Uuid;

/// The three ways to run Jeton. The rules are the same in each. In containers, there is only the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Everything in one SQLite file; nothing else runs.
    Embedded,
    /// Sessions and throttling in Redis, the rest in SQLite.
    RedisAndSqlite,
    /// Sessions and throttling in Redis, the rest in PostgreSQL: a real deployment.
    RedisAndPostgres,
}

/// 32 random bytes in hex, as `auth-service secret` would print.
#[must_use]
pub fn random_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
