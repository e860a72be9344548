//! The protected data: books and their chapters.

mod store;

pub use store::{Books, BooksError, connect_options};

use serde::{Deserialize, Serialize, Serializer};
use shared::clock::Timestamp;
use sqlx::FromRow;
use std::fmt;
use utoipa::ToSchema;

/// A book's id: 1, 2, 3, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct BookId(i64);

impl fmt::Display for BookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A title: 1 to 200 characters, none of them a control character, not all of them whitespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

/// A text is not a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a title must have 1 to 200 characters, no control characters, and not only whitespace")]
pub struct TitleError;

impl Title {
    /// Parses a title.
    ///
    /// # Errors
    /// If the text is not one.
    pub fn parse(text: String) -> Result<Self, TitleError> {
        let fits = (1..=200).contains(&text.chars().count());
        let reads = !text.trim().is_empty() && !text.chars().any(char::is_control);
        if fits && reads { Ok(Self(text)) } else { Err(TitleError) }
    }
}

/// When something was written; serialized as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(Timestamp);

impl From<i64> for Moment {
    fn from(millis: i64) -> Self {
        Self(Timestamp::from_millis(millis))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

/// A book in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow, ToSchema)]
pub struct Book {
    /// Its id.
    #[schema(value_type = i64, minimum = 1)]
    pub id: BookId,
    /// Its title.
    pub title: String,
    /// How many chapters it has.
    #[schema(minimum = 0)]
    pub chapters: i64,
    /// The user who added it.
    pub created_by: String,
    /// When it was added.
    #[sqlx(try_from = "i64")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Moment,
}

/// A chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow, ToSchema)]
pub struct Chapter {
    /// Its number within the book, from 1.
    #[schema(minimum = 1)]
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// The user who appended it.
    pub created_by: String,
    /// When it was appended.
    #[sqlx(try_from = "i64")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Moment,
}

/// A page of the list of books, oldest first.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Shelf {
    /// The books.
    pub books: Vec<Book>,
    /// The `cursor` of the next page, if there is one.
    #[schema(value_type = Option<i64>, required = true)]
    pub next: Option<BookId>,
}

/// A book with a page of its chapters.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenBook {
    /// Its id.
    #[schema(value_type = i64, minimum = 1)]
    pub id: BookId,
    /// Its title.
    pub title: String,
    /// The user who added it.
    pub created_by: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Moment,
    /// Chapters in order.
    pub chapters: Vec<Chapter>,
    /// The `cursor` of the next page, if there is one.
    #[schema(required = true)]
    pub next: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_that_says_something() {
        assert!(Title::parse("Ада".to_owned()).is_ok());
        assert!(Title::parse("é".repeat(200)).is_ok());
        for text in ["", "   ", "a\nb", "a\u{0}b", &"x".repeat(201)] {
            assert_eq!(Title::parse(text.to_owned()), Err(TitleError), "{text:?}");
        }
    }
}
