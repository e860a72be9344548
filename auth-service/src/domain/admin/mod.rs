//! What admins do with users, and what they may do.

pub mod authority;
pub mod create;
pub mod factors;
pub mod invitations;
pub mod keys;
pub mod users;
