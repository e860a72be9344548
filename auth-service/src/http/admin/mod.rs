//! `/admin/…`: the endpoints for admins.

pub mod audit;
pub mod invitations;
pub mod keys;
pub mod overview;
pub mod users;
