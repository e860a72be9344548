//! `POST /auth/logout` and `POST /auth/logout-all`.

use super::{
    State,
    caller::Caller,
    client::client,
    cookie,
    error::ambiguous_credentials,
    origin::AllowedOrigin,
    refresh::{InBody, check_csrf, presented},
};
use crate::domain::{Unavailable, refresh_token::Transport};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::{Refusals, Refuses},
    problem::Problem,
};

/// More than one refresh token came.
struct Ambiguous;

impl Refuses for Ambiguous {
    fn problems() -> Vec<Problem> {
        vec![ambiguous_credentials()]
    }
}

/// Logs out
///
/// Ends the session of a refresh token of ours, however old. Without one there is nothing to end: 204 as well.
#[utoipa::path(
    post, path = "/auth/logout", tag = "login", operation_id = "logout",
    request_body = InBody,
    responses(
        (status = 204, description = "The session is over", headers(
            ("Set-Cookie" = String, description = "When a cookie came: clears it"),
        )),
        Refusals<(AllowedOrigin, BodyOfUsualSize, Ambiguous, Unavailable)>,
    ),
    security((), ("refresh_cookie" = [], "csrf_token" = []))
)]
pub async fn logout(
    _: AllowedOrigin,
    request: HttpRequest,
    state: Data<State>,
    body: Body<InBody>,
) -> Result<HttpResponse, Problem> {
    let has_cookie = !cookie::refresh_tokens(&request, &state.site).is_empty();
    if let Some(token) = presented(&request, &state, body).await? {
        if token.transport == Transport::Cookie {
            check_csrf(&request, &state.auth, &token)?;
        }
        state.auth.logout(&token, &client(&request, &state)).await?;
    }
    let mut answer = HttpResponse::NoContent();
    if has_cookie {
        answer.cookie(cookie::cleared(&state.site));
    }
    Ok(answer.finish())
}

/// Ends all sessions of the caller
#[utoipa::path(
    post, path = "/auth/logout-all", tag = "account", operation_id = "logout_all",
    responses((status = 204, description = "They are over"), Refusals<(Caller, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn logout_all(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    state.auth.logout_everywhere(&caller, &client(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}
