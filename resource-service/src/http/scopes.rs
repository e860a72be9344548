//! The scopes that routes require.

use jeton_verifier::guard::Scope;

/// Reading books.
pub(super) struct BooksRead;

impl Scope for BooksRead {
    const NAME: &'static str = "books:read";
}

/// Adding books, and chapters to them.
pub(super) struct BooksWrite;

impl Scope for BooksWrite {
    const NAME: &'static str = "books:write";
}
