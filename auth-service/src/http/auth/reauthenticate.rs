//! `POST /auth/reauthenticate`, and `POST /auth/reauthenticate/options` for passkeys.

use super::login::second_factor::{NotOneFactor, PasskeyAnswer, one_factor};
use crate::{
    domain::{
        my_account::reauthenticate::{Evidence, ReauthenticationError},
        passwords::Password,
    },
    http::{
        State,
        answer::refusals::NoPasskeysHere,
        auth::passkeys::options::Request,
        request::{caller::Caller, client::client_with_device},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::Refusals,
    problem::Problem,
};
use utoipa::ToSchema;

/// What shows again who the user is: the password, or one of `totp`, `recovery_code` and `passkey`, or both. Two factors give
/// `acr` 2, a passkey alone `phr`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reauthentication)]
pub struct Shown {
    /// The password.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Password>,
    /// A code from the authenticator app.
    #[schema(example = "287082", max_length = 64)]
    totp: Option<String>,
    /// A recovery code, in either case, with or without the hyphens.
    #[schema(max_length = 128)]
    recovery_code: Option<String>,
    /// A passkey's answer to a challenge of `/auth/reauthenticate/options`.
    passkey: Option<PasskeyAnswer>,
}

/// An access token of the same session.
#[derive(Serialize, ToSchema)]
#[schema(as = SteppedUpToken)]
struct SteppedUp<'a> {
    /// For `Authorization: Bearer`, in place of the session's.
    access_token: &'a str,
    /// `Bearer`.
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    /// Lifetime of the access token in seconds: at most 300.
    #[schema(minimum = 1, maximum = 300)]
    expires_in: u64,
    /// When the user showed who they are: now, in seconds since 1970.
    auth_time: i64,
    /// What that is worth: `1`, `2` or `phr`.
    acr: &'static str,
    /// How the user did it (RFC 8176).
    amr: Vec<String>,
}

/// Ask for a challenge to show a passkey again
///
/// For `passkey` at `/auth/reauthenticate`: only the caller's own passkeys answer it.
#[utoipa::path(
    post, path = "/auth/reauthenticate/options", tag = "login", operation_id = "ask_for_passkey_again",
    responses((status = 200, description = "The challenge", body = Request<'_>), Refusals<(Caller, NoPasskeysHere)>),
    security(("bearer" = []))
)]
pub async fn passkey_options(caller: Caller, state: Data<State>) -> Result<HttpResponse, Problem> {
    let offer = state.passkeys.offer_to_confirm(caller.account.id).await?;
    Ok(HttpResponse::Ok().json(Request::of(&offer)))
}

/// Show again who the user is
///
/// For calls that answer 401 `authentication_insufficient` (RFC 9470), here and in other services: the token that comes back says
/// what was shown now. The session and its refresh token stay as they are, and its next refresh brings a token that again says
/// what was shown at the login.
#[utoipa::path(
    post, path = "/auth/reauthenticate", tag = "login", operation_id = "reauthenticate",
    request_body = Shown,
    responses(
        (status = 200, description = "An access token that says so", body = SteppedUp<'_>),
        Refusals<(Caller, BodyOfUsualSize, NotOneFactor, ReauthenticationError)>,
    ),
    security(("bearer" = []))
)]
pub async fn reauthenticate(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Shown>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let factor = one_factor(input.totp.as_deref(), input.recovery_code.as_deref(), input.passkey.as_ref())?;
    let evidence = Evidence { password: input.password.as_ref(), factor };
    let client = client_with_device(&request, &state);
    let stepped_up = state.my_account.reauthenticate(&caller, evidence, &client).await?;
    Ok(HttpResponse::Ok().json(SteppedUp {
        access_token: &stepped_up.access_token,
        token_type: "Bearer",
        expires_in: stepped_up.expires_in.as_secs(),
        auth_time: stepped_up.auth_time,
        acr: stepped_up.methods.level().name(),
        amr: stepped_up.methods.amr(),
    }))
}
