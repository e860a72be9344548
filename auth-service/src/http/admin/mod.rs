//! `/admin/…`: the endpoints for admins.

pub mod audit;
pub mod invitations;
pub mod users;
