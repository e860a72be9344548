//! `POST /auth/password`, and the way to a new password without the old one.

pub mod forgot;
pub mod reset;

use crate::{
    domain::{my_account::change_password::PasswordError, passwords::Password},
    http::{
        State,
        request::{caller::Caller, client::client_with_device},
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

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub struct Change {
    /// The current password.
    #[schema(value_type = String, format = Password)]
    current: Password,
    /// The new password. Easily guessed ones are refused, and, if the service looks them up, ones that are known from breaches. A
    /// service may ask for more than 8 characters: the problem says how many.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    new: Password,
}

/// Change the current user's password
///
/// All other sessions end.
#[utoipa::path(
    post, path = "/auth/password", tag = "account", operation_id = "change_password",
    request_body = Change,
    responses((status = 204, description = "Password changed"), Refusals<(Caller, BodyOfUsualSize, PasswordError)>),
    security(("bearer" = []))
)]
pub async fn change(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Change>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    state
        .my_account
        .change_password(&caller, &input.current, &input.new, &client_with_device(&request, &state))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
