//! What admins do with users.

pub mod authority;
pub mod users;
