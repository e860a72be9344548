//! Lists that are given in pages: `limit`, and `cursor`, which is the `next` of the page before.

use crate::problem::Problem;
use actix_web::{HttpRequest, http::StatusCode, web::Query};
use serde::{Deserialize, de::DeserializeOwned};

/// How many items a page has unless the caller asks for another number.
pub const DEFAULT_LIMIT: u32 = 50;

/// The query parameters of a list.
pub trait Listing: DeserializeOwned {
    /// What the list takes: the detail of the refusal of anything else.
    const TAKES: &'static str;

    /// The refusal of a query that does not fit.
    #[must_use]
    fn refusal() -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_query", Self::TAKES)
    }

    /// Reads the query of a request. To be called after whatever guards the list, whose refusal comes first.
    ///
    /// # Errors
    /// 400 `invalid_query`.
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        Query::from_query(request.query_string()).map(Query::into_inner).map_err(|_| Self::refusal())
    }
}

/// How many items a page has: 1 to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Limit<const MAX: u32>(u32);

impl<const MAX: u32> Limit<MAX> {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MAX: u32> Default for Limit<MAX> {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl<const MAX: u32> TryFrom<u32> for Limit<MAX> {
    type Error = String;

    fn try_from(limit: u32) -> Result<Self, String> {
        if (1..=MAX).contains(&limit) { Ok(Self(limit)) } else { Err(format!("from 1 to {MAX}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_at_least_1_and_at_most_its_maximum() {
        assert_eq!(Limit::<200>::default().get(), DEFAULT_LIMIT);
        for limit in [1, 200] {
            assert_eq!(Limit::<200>::try_from(limit).map(Limit::get), Ok(limit));
        }
        for limit in [0, 201] {
            assert!(Limit::<200>::try_from(limit).is_err(), "{limit}");
        }
    }
}
