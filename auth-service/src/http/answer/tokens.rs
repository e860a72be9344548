//! The answer to a login and to a refresh.

use crate::{
    domain::sessions::{refresh_token::Transport, tokens::Tokens},
    http::{Site, request::cookie},
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub struct Answer<'a> {
    /// For `Authorization: Bearer`.
    access_token: &'a str,
    /// `Bearer`.
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(minimum = 1)]
    expires_in: u64,
    /// The session's public id.
    #[schema(format = Uuid)]
    session_id: String,
    /// For the header `X-CSRF-Token`; stays the same until the session ends.
    csrf_token: &'a str,
    /// With transport `body` only. Each use replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// Only if the access token grants nothing because a second factor is asked of the user: one has to be added
    /// (`/auth/totp`, `/auth/passkeys`), and then shown at a new login.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    second_factor_missing: bool,
}

/// 200, with the refresh token in a cookie or in the body, never in both.
pub fn answer(tokens: &Tokens, request: &HttpRequest, site: &Site) -> HttpResponse {
    finish(HttpResponse::Ok(), tokens, request, site)
}

/// As [`answer`], for a response that has already begun.
pub fn finish(mut response: HttpResponseBuilder, tokens: &Tokens, request: &HttpRequest, site: &Site) -> HttpResponse {
    let refresh_token = tokens.refresh_token.expose();
    let in_body = match tokens.transport {
        Transport::Cookie => {
            response.cookie(cookie::carrying(refresh_token, tokens.refresh_expires_in, site));
            cookie::clear_stray(&mut response, request, site);
            None
        }
        Transport::Body => Some(refresh_token),
    };
    response.json(Answer {
        access_token: &tokens.access_token,
        token_type: "Bearer",
        expires_in: tokens.expires_in.as_secs(),
        session_id: tokens.session_id.to_string(),
        csrf_token: &tokens.csrf_token,
        refresh_token: in_body,
        second_factor_missing: tokens.second_factor_missing,
    })
}
