//! `GET /auth/me` and `DELETE /auth/me`.

use crate::{
    domain::{
        accounts::{Account, EmailAddress},
        my_account::delete::DeletionError,
        passwords::Password,
    },
    http::{
        State,
        answer::own_cookie::{self, Ends},
        request::{
            caller::{Caller, NotRecent},
            client::client_with_device,
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::UserId,
    openapi::Refusals,
    problem::Problem,
};
use utoipa::ToSchema;

/// A user, as the answer to the registration shows it.
#[derive(Serialize, ToSchema)]
pub struct Registered<'a> {
    /// The user's id.
    #[schema(value_type = String, format = Uuid)]
    id: UserId,
    /// The address, in lower case.
    email: &'a str,
    /// The user's name.
    #[schema(required = true)]
    name: Option<&'a str>,
    /// The user's roles.
    roles: &'a [String],
}

/// A user, as the user and admins see it.
#[derive(Serialize, ToSchema)]
pub struct User<'a> {
    #[serde(flatten)]
    registered: Registered<'a>,
    /// Custom claims, which admins set and access tokens contain. They grant no rights.
    #[schema(value_type = Object)]
    custom: &'a Map<String, Value>,
    /// A disabled user has no sessions and cannot log in.
    disabled: bool,
    /// When the user registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// Whether the address was shown to reach the user.
    email_verified: bool,
    /// Another address that notices go to.
    #[schema(required = true)]
    second_email: Option<&'a str>,
    /// Who the user was in the system that the user was imported from, if ids there are not UUIDs.
    #[schema(required = true)]
    external_id: Option<External<'a>>,
}

/// A user's id in another system.
#[derive(Serialize, ToSchema)]
pub struct External<'a> {
    /// The system's name, such as `auth0`.
    source: &'a str,
    /// The id there.
    id: &'a str,
}

impl<'a> Registered<'a> {
    /// Of an account.
    pub fn of(account: &'a Account) -> Self {
        Self {
            id: account.id,
            email: account.email.as_str(),
            name: account.name.as_ref().map(|name| name.as_str()),
            roles: &account.roles,
        }
    }
}

impl<'a> User<'a> {
    /// Of an account.
    pub fn of(account: &'a Account) -> Self {
        Self {
            registered: Registered::of(account),
            custom: &account.custom,
            disabled: account.disabled,
            created_at: account.created_at.rfc3339(),
            email_verified: account.email_verified_at.is_some(),
            second_email: account.second_email.as_ref().map(EmailAddress::as_str),
            external_id: account.external.as_ref().map(|known| External { source: &known.source, id: &known.id }),
        }
    }
}

/// Get the current user
#[utoipa::path(
    get, path = "/auth/me", tag = "account", operation_id = "get_me",
    responses((status = 200, description = "The user", body = User<'_>), Refusals<(Caller,)>),
    security(("bearer" = []))
)]
pub async fn me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(User::of(&caller.account))
}

/// The password again, to confirm.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The current password. Users without a second factor send it each time. With one, it is not
    /// enough, and not needed by those who have just shown both (`/auth/reauthenticate`).
    #[schema(value_type = Option<String>, format = Password)]
    pub(super) password: Option<Password>,
}

/// Delete the current user's account
///
/// The last enabled user who may make others an admin cannot be deleted: 409 `last_admin`.
/// Clears the caller's refresh cookie; a 401 also clears a refresh cookie whose session is over.
#[utoipa::path(
    delete, path = "/auth/me", tag = "account", operation_id = "delete_me",
    request_body = Confirmation,
    responses(
        (status = 204, description = "Account deleted", headers(
            ("Set-Cookie" = String, description = "Clears the caller's cookie, if it was sent"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Caller, NotRecent, BodyOfUsualSize, DeletionError)>,
    ),
    security(("bearer" = []))
)]
pub async fn delete(
    caller: Result<Caller, Problem>,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Confirmation>,
) -> Result<HttpResponse, Problem> {
    let caller = own_cookie::or_dead(caller, &request, &state).await?;
    let input = body.read().await?;
    let password = caller.confirmed_by(input.password.as_ref())?;
    state.my_account.delete(&caller, password, &client_with_device(&request, &state)).await?;
    Ok(own_cookie::gone(Ends::AllSessionsOf(caller.account.id), &request, &state))
}
