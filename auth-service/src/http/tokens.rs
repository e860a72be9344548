//! The answer of a login and of a refresh.

use super::{Site, cookie};
use crate::domain::{refresh_token::Transport, tokens::Tokens};
use actix_web::HttpResponse;
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    session_id: String,
    csrf_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// 200, with the refresh token in a cookie or in the body, never in both.
pub fn answer(tokens: &Tokens, site: &Site) -> HttpResponse {
    let refresh_token = tokens.refresh_token.expose();
    let mut response = HttpResponse::Ok();
    let in_body = match tokens.transport {
        Transport::Cookie => {
            response.cookie(cookie::carrying(refresh_token, tokens.refresh_expires_in, site));
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
    })
}
