//! `POST /auth/password`, and the way to a new password without the old one.

pub mod forgot;
pub mod reset;

use crate::{
    domain::{
        my_account::{change_password::PasswordError, remove_password::PasswordRemovalError},
        passwords::Password,
    },
    http::{
        State,
        request::{
            caller::{Caller, NotRecent, Recent},
            client::client_with_device,
        },
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
    /// The current password. Users without a second factor send it each time. With one, it is not
    /// enough, and not needed by those who have just shown both (`/auth/reauthenticate`).
    #[schema(value_type = Option<String>, format = Password)]
    current: Option<Password>,
    /// The new password. Easily guessed ones are refused, and, if the service looks them up, ones that are known from breaches. A
    /// service may ask for more than 8 characters: the problem says how many.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    new: Password,
}

/// Remove the current user's password
///
/// For users with two passkeys, or with one and recovery codes; others get 409 `last_way_in`. All other sessions end. Also 204
/// if there is no password.
#[utoipa::path(
    delete, path = "/auth/password", tag = "account", operation_id = "remove_password",
    responses((status = 204, description = "There is no password"), Refusals<(Recent, PasswordRemovalError)>),
    security(("bearer" = []))
)]
pub async fn remove(caller: Recent, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    state.my_account.remove_password(&caller, &client_with_device(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change the current user's password
///
/// All other sessions end. A user without a password sets the first one.
#[utoipa::path(
    post, path = "/auth/password", tag = "account", operation_id = "change_password",
    request_body = Change,
    responses((status = 204, description = "Password changed"), Refusals<(Caller, NotRecent, BodyOfUsualSize, PasswordError)>),
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
        .change_password(
            &caller,
            caller.confirmed_by(input.current.as_ref())?,
            &input.new,
            &client_with_device(&request, &state),
        )
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
