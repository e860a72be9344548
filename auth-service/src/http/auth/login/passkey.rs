//! `POST /auth/login/passkey/options` and `POST /auth/login/passkey`.

use super::{logged_in, new_session};
use crate::{
    domain::{
        passkeys::Assertion,
        sessions::refresh_token::Transport,
        sign_in::passkey::{PasskeyAttempt, PasskeyLoginError},
    },
    http::{
        State,
        answer::{refusals::NoPasskeysHere, tokens},
        auth::passkeys::options::Request,
        request::{client::client_with_device, origin::Page},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::Refusals,
    problem::Problem,
};
use utoipa::ToSchema;

/// The answer to a challenge, and how the refresh token will be carried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyLogin)]
pub struct Login {
    /// The id of the challenge, from `/auth/login/passkey/options`.
    challenge_id: String,
    /// What `navigator.credentials.get()` gave, as its `toJSON()` writes it.
    credential: Assertion,
    /// How the refresh token will be carried: in a cookie (browsers) or in bodies.
    #[serde(default)]
    transport: Transport,
}

/// Ask for a challenge to log in with a passkey
///
/// Nobody says who they are: the user picks a passkey, which does. Good for the login form's autofill (conditional mediation)
/// too.
#[utoipa::path(
    post, path = "/auth/login/passkey/options", tag = "login", operation_id = "ask_for_passkey",
    responses((status = 200, description = "The challenge", body = Request<'_>), Refusals<(NoPasskeysHere,)>)
)]
pub async fn request_options(state: Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Request::of(&state.sign_in.offer_passkey()?)))
}

/// Log in with a passkey
///
/// Logging in with an existing refresh cookie ends the session of that cookie. 401 `passkey_unknown` has the members `rp_id` and
/// `credential_id`, for `PublicKeyCredential.signalUnknownCredential()`. A challenge is good for one login: 410
/// `challenge_expired` means to ask for another one.
#[utoipa::path(
    post, path = "/auth/login/passkey", tag = "login", operation_id = "login_with_passkey",
    request_body = Login,
    responses(
        (status = 200, description = "Tokens", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token. With `body`: clears a cookie whose session this login ended"),
        )),
        Refusals<(Page, BodyOfUsualSize, PasskeyLoginError)>,
    )
)]
pub async fn login_with_passkey(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let Login { challenge_id, credential, transport } = body.read().await?;
    page.admit_for(transport)?;
    let session = new_session(transport, &request, &state);
    let ended = session.previous.as_ref().map(|token| token.sid);
    let attempt = PasskeyAttempt { challenge_id: &challenge_id, answer: &credential, session };
    let tokens = state.sign_in.login_with_passkey(attempt, &client_with_device(&request, &state)).await?;
    Ok(logged_in(&tokens, HttpResponse::Ok(), ended, &request, &state))
}
