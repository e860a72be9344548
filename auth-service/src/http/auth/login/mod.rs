//! `POST /auth/login`, and the ways in by mail and with a passkey.

pub mod code;
pub mod passkey;
pub mod second_factor;

use crate::{
    domain::{
        accounts::EmailAddress,
        passwords::Password,
        sessions::{refresh_token::Transport, tokens::Tokens},
        sign_in::{
            beginning::NewSession,
            login::{LoginAttempt, LoginError},
        },
    },
    http::{
        State,
        answer::{
            own_cookie::{self, Ends},
            tokens,
        },
        request::{
            client::{client_with_device, refresh_cookie},
            device,
            origin::Page,
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::SessionId,
    openapi::Refusals,
    problem::Problem,
};
use utoipa::ToSchema;

/// Credentials, and how the refresh token will be carried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "password": "correct horse battery", "transport": "body" }))]
pub struct Login {
    /// The registered address.
    email: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// How the refresh token will be carried: in a cookie (browsers) or in bodies.
    #[serde(default)]
    transport: Transport,
}

/// Log in
///
/// A user who has a second factor gets 403 `second_factor_required`, with what `/auth/login/second-factor` needs.
/// Logging in with an existing refresh cookie ends the session of that cookie. A 401 means that the credentials are
/// wrong: do not refresh. With transport `body`, pages of any origin may call; with `cookie`, only pages of allowed
/// origins on the same site, because browsers drop the cookie on other sites (`cross_site_cookie`).
#[utoipa::path(
    post, path = "/auth/login", tag = "login", operation_id = "login",
    request_body = Login,
    responses(
        (status = 200, description = "Tokens", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token. With `body`: clears a cookie whose session this login ended"),
        )),
        Refusals<(Page, BodyOfUsualSize, LoginError)>,
    )
)]
pub async fn login(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    page.admit_for(input.transport)?;
    let email = EmailAddress::parse(&input.email).ok();
    let session = new_session(input.transport, &request, &state);
    let ended = session.previous.as_ref().map(|token| token.sid);
    let client = client_with_device(&request, &state);
    let tokens = state.sign_in.login(LoginAttempt { email, password: &input.password, session }, &client).await?;
    Ok(logged_in(&tokens, HttpResponse::Ok(), ended, &request, &state))
}

/// The session that a login begins.
pub fn new_session(transport: Transport, request: &HttpRequest, state: &State) -> NewSession {
    NewSession { transport, previous: refresh_cookie(request, state), device: device::shown(request, state) }
}

/// The answer to a login, of which the response has begun. With transport `body`, the cookie of a session that it `ended` is
/// cleared.
pub fn logged_in(
    tokens: &Tokens,
    mut answer: HttpResponseBuilder,
    ended: Option<SessionId>,
    request: &HttpRequest,
    state: &State,
) -> HttpResponse {
    if let (Transport::Body, Some(ended)) = (tokens.transport, ended) {
        own_cookie::clear_after(Ends::Session(ended), &mut answer, request, state);
    }
    tokens::finish(answer, tokens, request, &state.site)
}
