//! The OpenAPI document of the public API. `cargo xtask openapi` generates it; the service serves the committed text,
//! so that it need not build the document itself.

use super::{Gateways, Users};
use shared::openapi::{About, Common, Endpoints as _, Published};
use utoipa::{Modify as _, OpenApi};

/// Serves the document and its page.
pub fn routes(app: &mut actix_web::web::ServiceConfig) {
    let document = include_str!("../../../docs/openapi/resource-service.json");
    app.configure(shared::openapi::routes(Published::new(document)));
}

/// What the document says besides its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "resource-service",
        description = "Serves protected data; verifies access tokens offline. Every refusal is a problem document with a \
            stable `code`. A 401 is about the access token: refresh it at auth-service once, and repeat the call once. It \
            does not end the session: only a 401 of auth-service's `/auth/refresh` does. On 503 or no response, keep \
            the token and retry later."
    ),
    tags(
        (name = "identity", description = "Who the caller is"),
        (name = "books", description = "Readers read them, authors add to them"),
        (name = "about", description = "The API itself"),
    ),
)]
struct Frame;

/// The document, generated from the code.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    [Users::document(), Gateways::document(), About::document()].into_iter().for_each(|part| document.merge(part));
    Common.modify(&mut document);
    document
}
