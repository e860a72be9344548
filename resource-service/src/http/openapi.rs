//! The OpenAPI document of the public API. It is made when `cargo xtask openapi` asks; what is served is the committed
//! text, so that a running service need not hold it.

use super::{Gateways, Users};
use shared::openapi::{About, Common, Endpoints as _, Published};
use utoipa::{Modify as _, OpenApi};

/// Serves the document and its page.
pub fn routes(app: &mut actix_web::web::ServiceConfig) {
    let document = include_str!("../../../docs/openapi/resource-service.json");
    app.configure(shared::openapi::routes(Published::new(document)));
}

/// What the document says beside its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "resource-service",
        description = "Serves protected data; verifies access tokens offline. Every refusal is a problem document with a \
            stable `code`. A 401 is about the access token: refresh it at auth-service once, and repeat the call once. It \
            does not end the session: only a 401 of auth-service's `/auth/refresh` does. Upon 503 or no answer, keep the \
            token and try again later."
    ),
    tags(
        (name = "identity", description = "Who calls"),
        (name = "books", description = "What readers may read and authors may add to"),
        (name = "about", description = "The API itself"),
    ),
)]
struct Frame;

/// The document, as the code says it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    [Users::document(), Gateways::document(), About::document()].into_iter().for_each(|part| document.merge(part));
    Common.modify(&mut document);
    document
}
