//! `POST /auth/refresh`, and how a refresh token is presented.

use crate::{
    domain::{
        passwords::Password as Secret,
        sessions::{
            Sessions,
            refresh::RefreshError,
            refresh_token::{RefreshClaims, Transport},
        },
    },
    http::{
        State,
        answer::{
            error::{ambiguous_credentials, csrf_rejected, invalid_refresh_token},
            tokens,
        },
        request::{
            client::{client, read},
            cookie,
            origin::{AllowedOrigin, Page},
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;

/// The refresh token of a client that carries it in bodies.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshToken)]
pub struct InBody {
    /// For transport `body`; without it, the cookie is used.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
}

/// Exchange a refresh token for new tokens
///
/// Send a token of transport `body` in the body, and one of transport `cookie` in the cookie, with the header
/// `X-CSRF-Token`. Retrying is safe. Only a 401 from this call means that the session is over.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "login", operation_id = "refresh",
    request_body = InBody,
    responses(
        (status = 200, description = "Tokens", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token"),
        )),
        Refusals<(AllowedOrigin, BodyOfUsualSize, InvalidRefreshToken, RefreshError)>,
    ),
    security((), ("refresh_cookie" = [], "csrf_token" = []))
)]
pub async fn refresh(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<InBody>,
) -> Result<HttpResponse, Problem> {
    let Presented { token, by } = presented(&request, &state, body).await?;
    page.admit(by)?;
    let token = token.filter(|token| token.transport == by).ok_or_else(invalid_refresh_token)?;
    if by == Transport::Cookie {
        check_csrf(&request, &state.sessions, &token)?;
    }
    let tokens = state.sessions.refresh(&token, &client(&request, &state)).await?;
    Ok(tokens::answer(&tokens, &request, &state.site))
}

/// How a missing, wrong or ambiguous refresh token is refused.
pub struct InvalidRefreshToken;

impl Refuses for InvalidRefreshToken {
    fn problems() -> Vec<Problem> {
        vec![ambiguous_credentials(), invalid_refresh_token()]
    }
}

/// What a request presents.
pub struct Presented {
    /// The refresh token, if it is genuine.
    pub token: Option<RefreshClaims>,
    /// How it was sent; without one, the way that pages in browsers would send it.
    pub by: Transport,
}

/// The one refresh token that a request presents, in the cookie or in the body.
pub async fn presented(request: &HttpRequest, state: &State, body: Body<InBody>) -> Result<Presented, Problem> {
    let in_cookie = cookie::refresh_tokens(request, &state.site);
    let in_body = body.read_optional().await?.and_then(|body| body.refresh_token);
    match (in_cookie.as_slice(), &in_body) {
        ([], None) => Ok(Presented { token: None, by: Transport::Cookie }),
        ([token], None) => Ok(Presented { token: read(token, state), by: Transport::Cookie }),
        ([], Some(token)) => Ok(Presented { token: read(token.expose().as_bytes(), state), by: Transport::Body }),
        _ => Err(ambiguous_credentials()),
    }
}

/// Checks that the page knows the session's CSRF token. The cookie alone proves nothing: browsers send it by
/// themselves.
pub fn check_csrf(request: &HttpRequest, sessions: &Sessions, token: &RefreshClaims) -> Result<(), Problem> {
    let mut shown = request.headers().get_all(cookie::CSRF_HEADER).peekable();
    if shown.peek().is_none() {
        return Err(csrf_rejected("missing X-CSRF-Token header: get the token from GET /auth/csrf"));
    }
    let is_token = |shown: &str| sessions.is_csrf_token(token.sid, shown);
    let is_right = shown.all(|shown| std::str::from_utf8(shown.as_bytes()).is_ok_and(is_token));
    if is_right { Ok(()) } else { Err(csrf_rejected("X-CSRF-Token does not match this session")) }
}
