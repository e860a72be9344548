//! What operators do on the command line, and what runs by itself at intervals.

pub mod create_user;
pub mod housekeeping;
pub mod keys;
pub mod transfer;
pub mod users;
