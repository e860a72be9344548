//! `GET /auth/csrf`: for a page that has lost the session's CSRF token by a reload.

use super::refresh::InvalidRefreshToken;
use crate::{
    domain::{
        Unavailable,
        sessions::{
            refresh::RefreshError,
            refresh_token::{RefreshClaims, Transport},
        },
    },
    http::{
        State,
        answer::error::{ambiguous_credentials, invalid_refresh_token},
        request::{client::tokens, cookie, origin::AllowedOrigin},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;

/// A session's CSRF token.
#[derive(Serialize, ToSchema)]
struct CsrfToken {
    /// For the header `X-CSRF-Token`.
    csrf_token: String,
}

/// The session of the cookie is over.
struct Over;

impl Refuses for Over {
    fn problems() -> Vec<Problem> {
        vec![RefreshError::SessionEnded.into()]
    }
}

/// Get the CSRF token of the cookie's session
///
/// Checks that the session is not over; exchanges no token.
#[utoipa::path(
    get, path = "/auth/csrf", tag = "login", operation_id = "get_csrf_token",
    responses((status = 200, description = "The token", body = CsrfToken), Refusals<(AllowedOrigin, InvalidRefreshToken, Over, Unavailable)>),
    security(("refresh_cookie" = []))
)]
pub async fn csrf(_: AllowedOrigin, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    if cookie::refresh_tokens(&request, &state.site).len() > 1 {
        return Err(ambiguous_credentials());
    }
    let is_ours = |token: &RefreshClaims| token.transport == Transport::Cookie;
    let token = tokens(&request, &state).into_iter().find(is_ours).ok_or_else(invalid_refresh_token)?;
    if state.sessions.is_over(&token).await? {
        return Err(RefreshError::SessionEnded.into());
    }
    Ok(HttpResponse::Ok().json(CsrfToken { csrf_token: state.sessions.csrf_token(token.sid) }))
}
