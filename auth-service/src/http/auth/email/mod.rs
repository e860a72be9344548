//! `POST /auth/email`, and what else concerns the addresses of an account.

pub mod second;
pub mod verify;

use crate::{
    domain::{
        my_account::addresses::{AddressError, NewAddress},
        passwords::Password,
        sessions::refresh_token::Transport,
    },
    http::{
        State,
        auth::register::{InvalidAddress, address},
        request::{
            caller::{Caller, NotRecent},
            client::client_with_device,
            flow,
            origin::Page,
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

/// A new address, and the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAddress, example = json!({ "new": "ada@example.org", "password": "correct horse battery" }))]
pub struct Wanted {
    /// The new address.
    #[schema(format = Email, max_length = 254)]
    new: String,
    /// The current password. Users without a second factor send it each time. With one, it is not
    /// enough, and not needed by those who have just shown both (`/auth/reauthenticate`).
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Password>,
    /// How the flow's secret will be carried: in a cookie (browsers) or in bodies. A change of the address needs it.
    #[serde(default)]
    transport: Transport,
}

/// Change the current user's address
///
/// A mail to the new address has a code for `/auth/confirm`. Once that comes back from this client, the user logs in with the new address, and the old one
/// gets a mail with a link that undoes the change within seven days. The answer is the same if another account has the new address.
#[utoipa::path(
    post, path = "/auth/email", tag = "account", operation_id = "change_email",
    request_body = Wanted,
    responses(
        (status = 202, description = "A mail is on its way to the new address", body = flow::Asked, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the flow and its secret"),
        )),
        Refusals<((Caller, NotRecent), Page, BodyOfUsualSize, InvalidAddress, AddressError)>,
    ),
    security(("bearer" = []))
)]
pub async fn change_email(
    caller: Caller,
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Wanted>,
) -> Result<HttpResponse, Problem> {
    let Wanted { new, password, transport } = body.read().await?;
    page.admit_for(transport)?;
    let new = NewAddress { address: address(&new)?, password: caller.confirmed_by(password.as_ref())? };
    let flow = state.addresses.change(&caller, new, &client_with_device(&request, &state)).await?;
    Ok(flow::asked(&flow, transport, &state.site))
}
