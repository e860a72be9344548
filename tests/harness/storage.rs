//! Where a stack keeps what it must remember.

use crate::{postgres, redis::Redis};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The three ways to run Jeton. The rules are the same in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Everything in one SQLite file; nothing else runs.
    Embedded,
    /// Sessions and throttling in Redis, the rest in SQLite.
    RedisAndSqlite,
    /// Sessions and throttling in Redis, the rest in PostgreSQL: a real deployment.
    RedisAndPostgres,
}

impl Storage {
    /// Starts what it needs and says so to auth-service by its settings.
    pub(crate) fn prepare(self, settings: &mut BTreeMap<String, String>) -> Option<Redis> {
        if self == Self::Embedded {
            return None;
        }
        let redis = Redis::start();
        settings.insert("AUTH_REDIS_URL".to_owned(), redis.url());
        settings.entry("AUTH_SECRET".to_owned()).or_insert_with(random_secret);
        if self == Self::RedisAndPostgres {
            settings.insert("AUTH_DATABASE_URL".to_owned(), postgres::fresh_database());
        }
        Some(redis)
    }
}

/// 32 random bytes in hex, as `auth-service secret` would print.
#[must_use]
pub fn random_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
