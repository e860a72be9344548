//! What whoever runs the program does, on the command line or by the clock.

pub mod housekeeping;
pub mod unlock;
pub mod users;
