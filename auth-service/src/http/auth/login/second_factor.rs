//! `POST /auth/login/second-factor`.

use super::{logged_in, new_session};
use crate::{
    domain::{
        passkeys::Assertion,
        sessions::refresh_token::Transport,
        sign_in::{
            pending::SecondFactorToken,
            second_factor::{SecondFactor, SecondStepError, Step},
        },
    },
    http::{
        State,
        answer::tokens,
        request::{client::client_with_device, device, origin::Page},
    },
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;

/// The second step of a login: exactly one of `totp`, `recovery_code` and `passkey`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecondStep)]
pub struct Shown {
    /// From the answer 403 `second_factor_required`.
    #[schema(value_type = String)]
    second_factor_token: SecondFactorToken,
    /// A code from the authenticator app.
    #[schema(example = "287082", max_length = 64)]
    totp: Option<String>,
    /// A recovery code, in either case, with or without the hyphens.
    #[schema(max_length = 128)]
    recovery_code: Option<String>,
    /// A passkey's answer to a challenge of `/auth/login/passkey/options`.
    passkey: Option<PasskeyAnswer>,
    /// How the refresh token will be carried.
    #[serde(default)]
    transport: Transport,
    /// Whether this browser need not show a second factor at its next logins.
    #[serde(default)]
    trust_device: bool,
}

/// A passkey's answer to a challenge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// The challenge.
    pub challenge_id: String,
    /// `credential.toJSON()`.
    pub credential: Assertion,
}

/// What came is not exactly one factor.
pub struct NotOneFactor;

impl Refuses for NotOneFactor {
    fn problems() -> Vec<Problem> {
        vec![not_one_factor()]
    }
}

fn not_one_factor() -> Problem {
    let detail = "send exactly one of totp, recovery_code and passkey";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_factor", detail)
}

/// The one factor that came; `None`: none did.
///
/// # Errors
/// Several came.
pub fn one_factor<'a>(
    totp: Option<&'a str>,
    recovery_code: Option<&'a str>,
    passkey: Option<&'a PasskeyAnswer>,
) -> Result<Option<SecondFactor<'a>>, Problem> {
    match (totp, recovery_code, passkey) {
        (Some(code), None, None) => Ok(Some(SecondFactor::Totp(code))),
        (None, Some(code), None) => Ok(Some(SecondFactor::RecoveryCode(code))),
        (None, None, Some(answer)) => {
            let PasskeyAnswer { challenge_id, credential } = answer;
            Ok(Some(SecondFactor::Passkey { challenge_id, answer: credential }))
        }
        (None, None, None) => Ok(None),
        _ => Err(not_one_factor()),
    }
}

/// Complete a login with a second factor
///
/// After `/auth/login` or `/auth/confirm` has answered 403 `second_factor_required`. Five wrong factors within a quarter of an
/// hour lock the second step of the account for the rest of it (429), however often the login is begun again.
#[utoipa::path(
    post, path = "/auth/login/second-factor", tag = "login", operation_id = "login_with_second_factor",
    request_body = Shown,
    responses(
        (status = 200, description = "Tokens", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token. With `trust_device`: what tells this browser at the next login"),
        )),
        Refusals<(Page, BodyOfUsualSize, NotOneFactor, SecondStepError)>,
    )
)]
pub async fn second_factor(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Shown>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    page.admit_for(input.transport)?;
    let shown = one_factor(input.totp.as_deref(), input.recovery_code.as_deref(), input.passkey.as_ref())?;
    let session = new_session(input.transport, &request, &state);
    let ended = session.previous.as_ref().map(|token| token.sid);
    let step = Step {
        token: &input.second_factor_token,
        shown: shown.ok_or_else(not_one_factor)?,
        is_to_be_trusted: input.trust_device,
        session,
    };
    let (tokens, device) = state.second_steps.complete(step, &client_with_device(&request, &state)).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(device) = &device {
        device::keep(&mut answer, device, &state.site);
    }
    Ok(logged_in(&tokens, answer, ended, &request, &state))
}
