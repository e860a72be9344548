//! `/books`: what readers may read and authors may add to.

use super::scopes::{BooksRead, BooksWrite};
use crate::books::{BookId, Books, Title};
use actix_web::{HttpResponse, http::header, web};
use serde::Deserialize;
use shared::{body::Body, guard::Scoped, problem::Problem};

/// Which part of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Begins behind this id or number: the `next` of the page before.
    #[serde(default)]
    after: i64,
    /// How many at most.
    #[serde(default)]
    limit: PageSize,
}

/// 1 to 100.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u32> for PageSize {
    type Error = &'static str;

    fn try_from(size: u32) -> Result<Self, Self::Error> {
        if (1..=100).contains(&size) { Ok(Self(size)) } else { Err("from 1 to 100") }
    }
}

/// `POST /books`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBook {
    title: String,
}

/// `POST /books/{id}/chapters`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChapter {
    title: String,
    text: String,
}

pub(super) async fn list(
    _reader: Scoped<BooksRead>,
    page: web::Query<Page>,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let list = books.list(page.after, page.limit.0).await?;
    Ok(HttpResponse::Ok().json(list))
}

pub(super) async fn read(
    _reader: Scoped<BooksRead>,
    id: web::Path<BookId>,
    page: web::Query<Page>,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let book = books.read(*id, page.after, page.limit.0).await?;
    Ok(HttpResponse::Ok().json(book))
}

pub(super) async fn create(
    author: Scoped<BooksWrite>,
    body: Body<NewBook>,
    books: web::Data<Books>,
) -> Result<HttpResponse, Problem> {
    let new = body.read().await?;
    let book = books.create(&Title::parse(new.title)?, author.subject()).await?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, format!("/books/{}", book.id))).json(book))
}

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
