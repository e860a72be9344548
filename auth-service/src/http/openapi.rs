//! The OpenAPI document of the public API. It is made when `cargo xtask openapi` asks; what is served is the committed
//! text, so that a running service need not hold it.

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

/// What the document says beside its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "auth-service",
        description = "Registers and logs in users, signs access tokens, keeps refresh sessions. Every refusal is a problem \
            document with a stable `code`. What a client does about a 401 depends on the call: of `/auth/refresh`, the \
            session is over, and only then: log in again. Of `/auth/login`, the credentials are wrong: refresh nothing. Of \
            `/auth/csrf`, there is no session: log in. Of any other call, of this service or another, the access token is \
            not good any more: refresh once and repeat once. A 403 `wrong_password` is about the password that was typed: \
            refresh nothing. Upon 429, 503 or no answer, keep all tokens and try again later."
    ),
    tags(
        (name = "login", description = "Registration, login, and the life of a session"),
        (name = "account", description = "What users do with their own accounts. The session, the user and the roles are \
            checked at once, not only at the next refresh."),
        (name = "users", description = "What admins do with users"),
        (name = "published", description = "What verifiers fetch"),
        (name = "about", description = "The API itself"),
    ),
)]
struct Frame;

/// The document, as the code says it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    [Plain::document(), Changing::document(), About::document()].into_iter().for_each(|part| document.merge(part));
    Common.modify(&mut document);
    RefreshToken.modify(&mut document);
    document
}

/// The two ways in which a refresh token travels.
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
