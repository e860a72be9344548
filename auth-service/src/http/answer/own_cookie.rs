//! A request that ends a session also clears the refresh cookie that it sent, if that belongs to the session. The
//! cookie of a newer login, sent along by an older page, stays.

use crate::{
    domain::sessions::refresh_token::RefreshClaims,
    http::{
        State,
        request::{
            client::{read, tokens},
            cookie,
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::StatusCode};
use shared::{
    ids::{SessionId, UserId},
    problem::Problem,
};

/// What a request has ended.
#[derive(Clone, Copy)]
pub enum Ends {
    /// All sessions of a user.
    AllSessionsOf(UserId),
    /// One session.
    Session(SessionId),
}

impl Ends {
    fn includes(self, token: &RefreshClaims) -> bool {
        match self {
            Self::AllSessionsOf(user) => token.sub == user,
            Self::Session(session) => token.sid == session,
        }
    }
}

/// What makes a browser forget the pages that it keeps, so that its back button does not show the account of somebody who has logged out
/// (W3C Clear Site Data, section 3.1). Cookies and what scripts have stored stay.
pub const FORGET_PAGES: (&str, &str) = ("clear-site-data", "\"cache\"");

/// 204, which clears a cookie that was sent unless its session continues.
pub fn gone(ends: Ends, request: &HttpRequest, state: &State) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    clear_after(ends, &mut answer, request, state);
    answer.finish()
}

/// Clears a cookie that was sent unless its session continues.
pub fn clear_after(ends: Ends, answer: &mut HttpResponseBuilder, request: &HttpRequest, state: &State) {
    let is_over = tokens(request, state).iter().all(|token| ends.includes(token));
    if is_over && cookie::came(request, &state.site) {
        answer.insert_header(FORGET_PAGES);
        cookie::clear(answer, request, &state.site);
    }
}

/// The caller. A 401 clears the cookie that was sent if its session is over as well. (The 401 of a refresh must not: it
/// may arrive late, and would clear the cookie of a newer login.)
///
/// # Errors
/// Why there is no caller.
pub async fn or_dead<T>(caller: Result<T, Problem>, request: &HttpRequest, state: &State) -> Result<T, Problem> {
    let problem = match caller {
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => problem,
        other => return other,
    };
    let came = cookie::came(request, &state.site);
    Err(if came && all_are_dead(request, state).await { cookie::cleared_by(problem, &state.site) } else { problem })
}

async fn all_are_dead(request: &HttpRequest, state: &State) -> bool {
    for token in cookie::refresh_tokens(request, &state.site) {
        // A token that is not genuine causes no query.
        let Some(token) = read(token, state) else { continue };
        if !matches!(state.sessions.is_over(&token).await, Ok(true)) {
            return false;
        }
    }
    true
}
