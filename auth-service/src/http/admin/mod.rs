//! `/admin/…`: what admins ask.

pub mod audit;
pub mod users;
