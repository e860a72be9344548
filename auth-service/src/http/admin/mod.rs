//! `/admin/…`: the endpoints for admins.

pub mod audit;
pub mod users;
