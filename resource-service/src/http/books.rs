//! `/books`: what readers may read and authors may add to.

use super::{
    BOOK_BYTES,
    error::Unavailable,
    scopes::{BooksRead, BooksWrite},
};
use crate::books::{Book, BookId, Books, BooksError, Chapter, OpenBook, Shelf, Title, TitleError};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jeton_verifier::guard::Scoped;
use serde::Deserialize;
use shared::{
    body::{Body, OfAtMost},
    openapi::{Refusals, Refuses},
    paging::{Limit, Listing},
    problem::Problem,
};
use utoipa::{IntoParams, ToSchema};

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// The `next` of the previous page: an id, or the number of a chapter. (For one release, also as `after`.)
    #[serde(default, alias = "after")]
    #[param(default = 0)]
    cursor: i64,
    /// Maximum number of entries.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 50)]
    limit: Limit<100>,
}

impl Listing for Page {
    const TAKES: &'static str = "takes limit (1 to 100) and cursor (the `next` of the previous page)";
}

impl Refuses for Page {
    fn problems() -> Vec<Problem> {
        vec![Self::refusal()]
    }
}

/// `POST /books`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "title": "Notes" }))]
pub(super) struct NewBook {
    /// No control characters, not only whitespace.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$"
    )]
    title: String,
}

/// `POST /books/{id}/chapters`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "title": "Note A", "text": "The Analytical Engine weaves algebraical patterns." }))]
pub(super) struct NewChapter {
    /// No control characters, not only whitespace.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$"
    )]
    title: String,
    /// Any text.
    text: String,
}

type Reader = Scoped<BooksRead>;
type Author = Scoped<BooksWrite>;

/// List books
#[utoipa::path(
    get, path = "/books", tag = "books", operation_id = "list_books",
    params(Page),
    responses((status = 200, description = "A page of the list", body = Shelf), Refusals<(Reader, Page, Unavailable)>),
    security(("bearer" = []))
)]
pub(super) async fn list(
    _reader: Scoped<BooksRead>,
    request: HttpRequest,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let page = Page::of(&request)?;
    let list = books.list(page.cursor, page.limit.get()).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// Get a book
#[utoipa::path(
    get, path = "/books/{id}", tag = "books", operation_id = "get_book",
    params(("id" = i64, Path, minimum = 1, description = "The book's id"), Page),
    responses(
        (status = 200, description = "The book with a page of its chapters", body = OpenBook),
        Refusals<(Reader, Page, BooksError)>,
    ),
    security(("bearer" = []))
)]
pub(super) async fn read(
    _reader: Scoped<BooksRead>,
    id: web::Path<BookId>,
    request: HttpRequest,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let page = Page::of(&request)?;
    let book = books.read(*id, page.cursor, page.limit.get()).await?;
    Ok(HttpResponse::Ok().json(book))
}

/// Add a book
#[utoipa::path(
    post, path = "/books", tag = "books", operation_id = "add_book",
    request_body = NewBook,
    responses(
        (status = 201, description = "The new book", body = Book, headers(
            ("Location" = String, description = "Its URL"),
        )),
        Refusals<(Author, OfAtMost<BOOK_BYTES>, TitleError, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub(super) async fn create(
    author: Scoped<BooksWrite>,
    body: Body<NewBook>,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let new = body.read().await?;
    let book = books.create(&Title::parse(new.title)?, author.subject()).await?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, format!("/books/{}", book.id))).json(book))
}

/// Append a chapter
#[utoipa::path(
    post, path = "/books/{id}/chapters", tag = "books", operation_id = "append_chapter",
    params(("id" = i64, Path, minimum = 1, description = "The book's id")),
    request_body = NewChapter,
    responses(
        (status = 201, description = "The new chapter", body = Chapter),
        Refusals<(Author, OfAtMost<BOOK_BYTES>, TitleError, BooksError)>,
    ),
    security(("bearer" = []))
)]
pub(super) async fn append(
    author: Scoped<BooksWrite>,
    id: web::Path<BookId>,
    body: Body<NewChapter>,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let new = body.read().await?;
    let chapter = books.append(*id, &Title::parse(new.title)?, new.text, author.subject()).await?;
    Ok(HttpResponse::Created().json(chapter))
}
