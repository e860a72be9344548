//! `GET /openapi.json`, and `GET /docs`, which shows it to people.

use super::Endpoints as _;
use super::{Refusals, page};
use crate::server::IsShared;
use actix_web::{
    HttpResponse, Resource,
    http::header,
    web::{Bytes, Data, ServiceConfig, resource},
};
use std::sync::OnceLock;

/// Nothing but our own style sheet, and no script at all.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A service's document, as it was committed, and its page, made on the first request.
pub struct Published {
    json: &'static str,
    page: OnceLock<Bytes>,
}

impl Published {
    /// From the text of the document.
    #[must_use]
    pub fn new(json: &'static str) -> Data<Self> {
        Data::new(Self { json, page: OnceLock::new() })
    }
}

crate::endpoints! {
    /// The document and its page, for the document itself.
    pub struct About { self: document, docs, style; }
}

/// The routes of the document and of its page.
pub fn routes(published: Data<Published>) -> impl FnOnce(&mut ServiceConfig) {
    |app| {
        app.app_data(published);
        for (path, routes) in About::routes() {
            app.service(routes.into_iter().fold(resource(&*path), Resource::route));
        }
    }
}

/// Get this document
#[utoipa::path(
    get, path = "/openapi.json", tag = "about", operation_id = "get_openapi_document",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), Refusals<()>)
)]
async fn document(published: Data<Published>) -> HttpResponse {
    shared(HttpResponse::Ok().content_type("application/json").body(published.json))
}

/// Get the documentation page
#[utoipa::path(
    get, path = "/docs", tag = "about", operation_id = "get_docs_page",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"), Refusals<()>)
)]
async fn docs(published: Data<Published>) -> HttpResponse {
    let page = published.page.get_or_init(|| page::of(published.json).into());
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    shared(answer.body(page.clone()))
}

fn shared(mut answer: HttpResponse) -> HttpResponse {
    answer.extensions_mut().insert(IsShared);
    answer
}

/// Get the style sheet of the documentation page
#[utoipa::path(
    get, path = "/docs/style.css", tag = "about", operation_id = "get_docs_style",
    responses((status = 200, description = "A style sheet", body = String, content_type = "text/css"), Refusals<()>)
)]
async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("style.css"))
}
