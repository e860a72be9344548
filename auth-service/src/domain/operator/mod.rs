//! What whoever runs the program does, on the command line or by the clock.

pub mod create_user;
pub mod housekeeping;
pub mod keys;
pub mod users;
