//! `POST /auth/totp`, `POST /auth/totp/confirm` and `DELETE /auth/totp`: the authenticator app of a user.

use super::factors::{owner, shown};
use crate::{
    domain::factors::{Confirmed, NewTotp},
    http::{
        State,
        answer::{
            qr_code::Drawn,
            refusals::{TotpRefused, TotpUnconfirmed},
        },
        request::{caller::Recent, client::client},
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
use zeroize::Zeroizing;

/// What an authenticator app needs. It is shown only now.
#[derive(Serialize, ToSchema)]
struct NewApp {
    /// The secret in base32, to be typed into the app.
    #[schema(value_type = String, min_length = 32, max_length = 32)]
    secret: Zeroizing<String>,
    /// The same as an address, for apps on this device.
    #[schema(value_type = String, format = Uri)]
    otpauth_uri: Zeroizing<String>,
    /// The same as a QR code, to be scanned.
    qr_code: Drawn,
}

/// Begin to set up an authenticator app
///
/// The app is a second factor only after `/auth/totp/confirm`. Beginning again gives another secret.
#[utoipa::path(
    post, path = "/auth/totp", tag = "account", operation_id = "begin_totp",
    responses(
        (status = 201, description = "What the app needs", body = NewApp),
        Refusals<(Recent, TotpRefused)>,
    ),
    security(("bearer" = []))
)]
pub async fn begin_totp(caller: Recent, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let client = client(&request, &state);
    let NewTotp { secret, uri } = state.factors.begin_totp(owner(&caller, &client)).await?;
    let qr_code = Drawn::of(&uri).expect("an address has at most 254 characters");
    Ok(HttpResponse::Created().json(NewApp { secret, otpauth_uri: uri, qr_code }))
}

/// The first code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstCode {
    /// The code that the app shows.
    #[schema(value_type = String, example = "492039")]
    code: Zeroizing<String>,
}

/// The recovery codes that a user got, if any.
#[derive(Serialize, ToSchema)]
struct ConfirmedApp {
    /// Each lets the user in once if the app is lost. They are shown only now, and missing if the user has unused ones
    /// already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 8, max_items = 8)]
    recovery_codes: Option<Vec<Zeroizing<String>>>,
}

/// Confirm an authenticator app
///
/// By the code that it shows, which is good for nothing else afterwards. From then on it is asked for at each login.
#[utoipa::path(
    post, path = "/auth/totp/confirm", tag = "account", operation_id = "confirm_totp",
    request_body = FirstCode,
    responses(
        (status = 200, description = "The app is a second factor", body = ConfirmedApp),
        Refusals<(Recent, BodyOfUsualSize, TotpUnconfirmed)>,
    ),
    security(("bearer" = []))
)]
pub async fn confirm_totp(
    caller: Recent,
    request: HttpRequest,
    state: Data<State>,
    body: Body<FirstCode>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let client = client(&request, &state);
    let Confirmed { recovery_codes } = state.factors.confirm_totp(owner(&caller, &client), &input.code).await?;
    Ok(HttpResponse::Ok().json(ConfirmedApp { recovery_codes: recovery_codes.as_deref().map(shown) }))
}

/// Remove the authenticator app
///
/// Trusted devices are forgotten, and recovery codes are too if there is no passkey. Also 204 if there is no app.
#[utoipa::path(
    delete, path = "/auth/totp", tag = "account", operation_id = "remove_totp",
    responses((status = 204, description = "There is no app"), Refusals<(Recent,)>),
    security(("bearer" = []))
)]
pub async fn remove_totp(caller: Recent, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    state.factors.remove_totp(owner(&caller, &client(&request, &state))).await?;
    Ok(HttpResponse::NoContent().finish())
}
