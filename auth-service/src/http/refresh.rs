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
    refresh::RefreshError,
    refresh_token::{RefreshClaims, Transport},
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;

/// The refresh token of a client that carries it itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshToken)]
pub struct InBody {
    /// With transport `body`. Without it, the cookie counts.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
}

/// Exchanges a refresh token for new tokens
///
/// A token of transport `body` comes in the body; one of transport `cookie` in the cookie, with the header
/// `X-CSRF-Token`. Repeating is safe. Only a 401 from here means that the session is over.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "login", operation_id = "refresh",
    request_body = InBody,
    responses(
        (status = 200, description = "Tokens", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token"),
        )),
        Refusals<(AllowedOrigin, BodyOfUsualSize, Presented, RefreshError)>,
    ),
    security((), ("refresh_cookie" = [], "csrf_token" = []))
)]
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

/// How the presenting of a refresh token fails.
pub struct Presented;

impl Refuses for Presented {
    fn problems() -> Vec<Problem> {
        vec![ambiguous_credentials(), invalid_refresh_token()]
    }
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
