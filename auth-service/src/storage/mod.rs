//! Implements the stores that the domain asks for: in SQL (SQLite or PostgreSQL) and in Redis.
//!
//! Every call is over within a second, whatever the server does, and an outage needs no restart.

mod per_runtime;
pub mod redis;
pub mod sql;

use std::time::Duration;

/// How long a call to a store may take, waiting for a connection included: an outage is told within a second.
const PATIENCE: Duration = Duration::from_millis(800);
