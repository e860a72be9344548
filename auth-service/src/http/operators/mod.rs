//! The endpoints of the admin listener, for operators and their machines.

pub mod health;
pub mod mailbox;
pub mod metrics;
