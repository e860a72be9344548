//! The OpenAPI document of the public API. `cargo xtask openapi` generates it; the service serves the committed
//! text, so that it need not build the document in memory.

use super::{Changing, Plain};
use shared::openapi::{About, Common, Endpoints as _, Published};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        RefOr, Required,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

/// Serves the document and its page.
pub fn routes(app: &mut actix_web::web::ServiceConfig) {
    let document = include_str!("../../../docs/openapi/auth-service.json");
    app.configure(shared::openapi::routes(Published::new(document)));
}

/// What the document says besides its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "auth-service",
        description = "Registers and logs in users, signs access tokens, keeps refresh sessions. Every refusal is a problem \
            document with a stable `code`. How a client handles a 401 depends on the call. From `/auth/refresh`, and only \
            from there, it means that the session is over: log in again. From `/auth/login`, the credentials are wrong: do \
            not refresh. From `/auth/csrf`, there is no session: log in. From any other call, of this service or another, \
            the access token is no longer valid: refresh once and repeat once. A 403 `wrong_password` is about the password \
            that was typed: do not refresh. On 429, 503 or no answer, keep all tokens and retry later."
    ),
    tags(
        (name = "login", description = "Registration, login, and the life of a session"),
        (name = "account", description = "What users do with their own accounts. Each call checks the session, the user and \
            the roles as they are now, not as of the last refresh."),
        (name = "users", description = "What admins do with users"),
        (name = "keys", description = "What admins do with signing keys"),
        (name = "published", description = "What verifiers fetch"),
        (name = "about", description = "The API itself"),
    ),
)]
struct Frame;

/// The document, generated from the code.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    [Plain::document(), Changing::document(), About::document()].into_iter().for_each(|part| document.merge(part));
    Common.modify(&mut document);
    RefreshToken.modify(&mut document);
    document
}

/// Describes the two ways in which a refresh token travels.
struct RefreshToken;

impl Modify for RefreshToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for path in ["/auth/refresh", "/auth/logout"] {
            let operation = document.paths.paths.get_mut(path).and_then(|item| item.post.as_mut());
            let Some(RefOr::T(body)) = operation.and_then(|operation| operation.request_body.as_mut()) else {
                continue;
            };
            // The attribute can say so only of bodies that may also be `null`.
            body.required = Some(Required::False);
        }
        let components = document.components.get_or_insert_default();
        let cookie = "The refresh token, with transport `cookie`; over plain http the cookie is `jeton-refresh`";
        let cookie = ApiKeyValue::with_description("__Host-jeton-refresh", cookie);
        components.add_security_scheme("refresh_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let header = ApiKeyValue::with_description("X-CSRF-Token", "The session's CSRF token");
        components.add_security_scheme("csrf_token", SecurityScheme::ApiKey(ApiKey::Header(header)));
    }
}
