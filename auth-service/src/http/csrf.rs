//! `GET /auth/csrf`: for a page that has lost the session's CSRF token in a reload.

use super::{
    State,
    client::client,
    cookie,
    error::{ambiguous_credentials, invalid_refresh_token},
    origin::AllowedOrigin,
    refresh::Presented,
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{openapi::Refusals, problem::Problem};
use utoipa::ToSchema;

/// A session's CSRF token.
#[derive(Serialize, ToSchema)]
struct CsrfToken {
    /// For the header `X-CSRF-Token`.
    csrf_token: String,
}

/// Tells the CSRF token of the cookie's session
#[utoipa::path(
    get, path = "/auth/csrf", tag = "login", operation_id = "csrf",
    responses((status = 200, description = "The token", body = CsrfToken), Refusals<(AllowedOrigin, Presented)>),
    security(("refresh_cookie" = []))
)]
pub async fn csrf(_: AllowedOrigin, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    if cookie::refresh_tokens(&request, &state.site).len() > 1 {
        return Err(ambiguous_credentials());
    }
    let now = state.auth.clock.now();
    let token = client(&request, &state).token.filter(|token| !token.is_expired(now));
    let token = token.ok_or_else(invalid_refresh_token)?;
    Ok(HttpResponse::Ok().json(CsrfToken { csrf_token: state.auth.refresh_tokens.csrf_token(token.sid) }))
}
