//! Errors as answers: the only place where statuses are chosen.

use crate::books::{BooksError, TitleError};
use actix_web::http::StatusCode;
use shared::{
    openapi::Refuses,
    problem::{self, Problem},
};

impl From<BooksError> for Problem {
    fn from(error: BooksError) -> Self {
        match error {
            BooksError::NoSuchBook => problem::not_found(),
            BooksError::Unavailable(reason) => {
                tracing::error!(%reason, "the books cannot be reached");
                Self::unavailable("the books cannot be reached right now")
            }
        }
    }
}

/// The books cannot be reached.
pub(super) struct Unavailable;

impl Refuses for Unavailable {
    fn problems() -> Vec<Problem> {
        vec![BooksError::Unavailable(sqlx::Error::PoolTimedOut).into()]
    }
}

impl Refuses for BooksError {
    fn problems() -> Vec<Problem> {
        [vec![Self::NoSuchBook.into()], Unavailable::problems()].concat()
    }
}

impl Refuses for TitleError {
    fn problems() -> Vec<Problem> {
        vec![Self.into()]
    }
}

impl From<TitleError> for Problem {
    fn from(error: TitleError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_title", error.to_string())
    }
}
