//! What went wrong, as an answer: the only place where statuses are chosen.

use crate::books::{BooksError, TitleError};
use actix_web::http::StatusCode;
use shared::problem::{self, Problem};

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

impl From<TitleError> for Problem {
    fn from(error: TitleError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_title", error.to_string())
    }
}
