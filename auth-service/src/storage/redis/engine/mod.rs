//! Connections to Redis, a sentinel or a cluster: addresses, scripts, errors.

pub mod address;
pub mod connection;
pub mod faults;
pub mod link;
pub mod script;
pub mod sentinel;
pub mod server;
