//! The domain's stores, in SQL (SQLite or PostgreSQL) and in Redis.
//!
//! Every call ends within a second, whatever the server does, and after an outage no restart is needed.

mod per_runtime;
pub mod redis;
pub mod sql;

use std::time::Duration;

/// How long a call to a store may take, waiting for a connection included: an outage is reported within a second.
const PATIENCE: Duration = Duration::from_millis(800);
