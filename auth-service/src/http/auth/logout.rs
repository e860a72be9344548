//! `POST /auth/logout` and `POST /auth/logout-all`.

use super::refresh::{InBody, Presented, check_csrf, presented};
use crate::{
    domain::{Unavailable, sessions::refresh_token::Transport},
    http::{
        State,
        answer::{
            error::ambiguous_credentials,
            own_cookie::{self, Ends, FORGET_PAGES},
        },
        request::{caller::Caller, client::client, cookie, origin::Page},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::{Refusals, Refuses},
    problem::Problem,
};

/// More than one refresh token was sent.
struct Ambiguous;

impl Refuses for Ambiguous {
    fn problems() -> Vec<Problem> {
        vec![ambiguous_credentials()]
    }
}

/// Log out
///
/// Ends the session of a refresh token of this service, however old and of either transport. Anything else has no
/// session to end, and the answer is 204 as well. A cookie with the refresh cookie's name is cleared, whatever it
/// holds. A page of another site, whose cookie the browser withholds, is refused (`cross_site_cookie`): no session
/// would end.
#[utoipa::path(
    post, path = "/auth/logout", tag = "login", operation_id = "logout",
    request_body = InBody,
    responses(
        (status = 204, description = "Session ended", headers(
            ("Set-Cookie" = String, description = "Clears the cookie, if one was sent"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Page, BodyOfUsualSize, Ambiguous, Unavailable)>,
    ),
    security((), ("refresh_cookie" = [], "csrf_token" = []))
)]
pub async fn logout(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<InBody>,
) -> Result<HttpResponse, Problem> {
    let has_cookie = cookie::came(&request, &state.site);
    let Presented { token, by } = presented(&request, &state, body).await?;
    page.admit(by)?;
    if by == Transport::Cookie && !has_cookie {
        page.keeps_cookies()?;
    }
    if let Some(token) = token {
        if by == Transport::Cookie {
            check_csrf(&request, &state.sessions, &token)?;
        }
        state.sessions.logout(&token, &client(&request, &state)).await?;
    }
    let mut answer = HttpResponse::NoContent();
    if has_cookie {
        answer.insert_header(FORGET_PAGES);
        cookie::clear(&mut answer, &request, &state.site);
    }
    Ok(answer.finish())
}

/// End all sessions of the caller
///
/// Clears the caller's refresh cookie; a 401 also clears a refresh cookie whose session is over.
#[utoipa::path(
    post, path = "/auth/logout-all", tag = "account", operation_id = "logout_all",
    responses(
        (status = 204, description = "Sessions ended", headers(
            ("Set-Cookie" = String, description = "Clears the caller's cookie, if it was sent"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Caller, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn logout_all(
    caller: Result<Caller, Problem>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = own_cookie::or_dead(caller, &request, &state).await?;
    state.sessions.logout_everywhere(&caller, &client(&request, &state)).await?;
    Ok(own_cookie::gone(Ends::AllSessionsOf(caller.account.id), &request, &state))
}
