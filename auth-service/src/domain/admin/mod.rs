//! What admins do with users.

pub mod authority;
pub mod create;
pub mod users;
