//! `POST /auth/refresh`, and how a refresh token is presented.

use super::{
    State,
    client::client,
    cookie,
    error::{ambiguous_credentials, csrf_rejected, invalid_refresh_token},
    origin::AllowedOrigin,
    tokens,
};
use crate::domain::{
    Auth,
    password::Password as Secret,
    refresh_token::{RefreshClaims, Transport},
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{body::Body, problem::Problem};

/// The refresh token of a client that carries it itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InBody {
    refresh_token: Option<Secret>,
}

/// Exchanges a refresh token for new tokens.
pub async fn refresh(
    _: AllowedOrigin,
    request: HttpRequest,
    state: Data<State>,
    body: Body<InBody>,
) -> Result<HttpResponse, Problem> {
    let token = presented(&request, &state, body).await?.ok_or_else(invalid_refresh_token)?;
    if token.transport == Transport::Cookie {
        check_csrf(&request, &state.auth, &token)?;
    }
    let tokens = state.auth.refresh(&token, &client(&request, &state)).await?;
    Ok(tokens::answer(&tokens, &state.site))
}

/// The one refresh token that a request presents, in the cookie or in the body; `None` when there is none of ours for
/// that transport.
pub async fn presented(
    request: &HttpRequest,
    state: &State,
    body: Body<InBody>,
) -> Result<Option<RefreshClaims>, Problem> {
    let in_cookie = cookie::refresh_tokens(request, &state.site);
    let in_body = body.read_optional().await?.and_then(|body| body.refresh_token);
    let (text, transport) = match (in_cookie.as_slice(), &in_body) {
        ([], None) => return Ok(None),
        ([token], None) => (*token, Transport::Cookie),
        ([], Some(token)) => (token.expose(), Transport::Body),
        _ => return Err(ambiguous_credentials()),
    };
    let token = state.auth.refresh_tokens.read(text).ok();
    Ok(token.filter(|token| token.transport == transport))
}

/// A page shows that it is of the session: a cookie alone is sent by the browser on its own.
pub fn check_csrf(request: &HttpRequest, auth: &Auth, token: &RefreshClaims) -> Result<(), Problem> {
    let Some(shown) = request.headers().get(cookie::CSRF_HEADER) else {
        return Err(csrf_rejected("the header X-CSRF-Token is missing: GET /auth/csrf tells the session's token"));
    };
    let is_right = shown.to_str().is_ok_and(|shown| auth.refresh_tokens.is_csrf_token(token.sid, shown));
    if is_right { Ok(()) } else { Err(csrf_rejected("the header X-CSRF-Token is of another session")) }
}
