//! `/admin/…`: the endpoints for admins.

pub mod audit;
pub mod invitations;
pub mod keys;
pub mod overview;
pub mod roles;
pub mod users;

use shared::{
    clock::Timestamp,
    ids::UserId,
    problem::{self, Problem},
};

/// A moment that a query may name; `None`: it names something else.
fn moment(asked: Option<String>) -> Option<Option<Timestamp>> {
    asked.map(|text| Timestamp::from_rfc3339(&text)).map_or(Some(None), |moment| moment.map(Some))
}

/// The user whom a path names; nobody has an id that is none.
fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| problem::not_found())
}
