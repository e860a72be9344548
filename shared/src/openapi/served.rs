//! `GET /openapi.json`, and `GET /docs`, which shows it to people.

use super::{Refusals, page};
use crate::server::{IsShared, get};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data, ServiceConfig, resource},
};
use std::sync::OnceLock;

/// Nothing but our own style sheet, and no script at all.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A service's document, as it was committed, and the page made of it once somebody asks.
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

/// The routes of the document and of its page. HEAD is answered as GET, without the body.
pub fn routes(published: Data<Published>) -> impl FnOnce(&mut ServiceConfig) {
    |app| {
        app.app_data(published)
            .service(resource("/openapi.json").route(get().to(document)))
            .service(resource("/docs").route(get().to(docs)))
            .service(resource("/docs/style.css").route(get().to(style)));
    }
}

/// Get this document
#[utoipa::path(
    get, path = "/openapi.json", tag = "about", operation_id = "get_openapi_document",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), Refusals<()>)
)]
pub async fn document(published: Data<Published>) -> HttpResponse {
    shared(HttpResponse::Ok().content_type("application/json").body(published.json))
}

/// Get the documentation page
#[utoipa::path(
    get, path = "/docs", tag = "about", operation_id = "get_docs_page",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"), Refusals<()>)
)]
pub async fn docs(published: Data<Published>) -> HttpResponse {
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
pub async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("style.css"))
}
