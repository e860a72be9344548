//! `/admin/…`: the endpoints for admins.

pub mod audit;
pub mod invitations;
pub mod keys;
pub mod overview;
pub mod users;

use shared::{
    ids::UserId,
    problem::{self, Problem},
};

/// The user whom a path names; nobody has an id that is none.
fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| problem::not_found())
}
