//! `GET /whoami`: what the access token says.

use actix_web::HttpResponse;
use jeton_verifier::guard::AccessToken;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::openapi::Refusals;
use utoipa::ToSchema;

/// The claims of an access token.
#[derive(Serialize, ToSchema)]
struct Identity<'a> {
    /// The user's id.
    sub: &'a str,
    /// The session's public id.
    sid: &'a str,
    /// The client that the token was issued to.
    client_id: &'a str,
    /// The user's roles.
    roles: &'a [String],
    /// The user's scopes, separated by spaces.
    scope: &'a str,
    /// Other claims that admins have set for the user.
    #[schema(value_type = Object)]
    custom: &'a Map<String, Value>,
    /// When the token expires, in seconds since 1970.
    exp: i64,
}

/// Get the access token's claims
#[utoipa::path(
    get, path = "/whoami", tag = "identity", operation_id = "get_identity",
    responses((status = 200, description = "The token's claims", body = Identity<'_>), Refusals<(AccessToken,)>),
    security(("bearer" = []))
)]
pub(super) async fn whoami(token: AccessToken) -> HttpResponse {
    HttpResponse::Ok().json(Identity {
        sub: token.subject(),
        sid: token.session_id(),
        client_id: token.client_id(),
        roles: token.roles(),
        scope: token.scope(),
        custom: token.custom(),
        exp: token.expires_at().secs(),
    })
}
