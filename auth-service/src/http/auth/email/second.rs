//! `POST /auth/email/second` and `DELETE /auth/email/second`.

use super::Wanted;
use crate::{
    domain::my_account::addresses::{AddressError, NewAddress},
    http::{
        State,
        auth::{
            me::Confirmation,
            register::{InvalidAddress, address},
        },
        request::{
            caller::{Caller, NotRecent},
            client::client_with_device,
            flow,
            origin::Page,
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::Refusals,
    problem::Problem,
};

/// Add a second address for notices
///
/// A mail to it has a code for `/auth/confirm`. Once that comes back, everything that the user is notified of goes to both addresses.
/// Nobody logs in with the second one, and no code goes there. One that was set before is replaced.
#[utoipa::path(
    post, path = "/auth/email/second", tag = "account", operation_id = "set_second_email",
    request_body = Wanted,
    responses(
        (status = 202, description = "A mail is on its way to the second address", body = flow::Asked, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the flow and its secret"),
        )),
        Refusals<((Caller, NotRecent), Page, BodyOfUsualSize, InvalidAddress, AddressError)>,
    ),
    security(("bearer" = []))
)]
pub async fn set_second(
    caller: Caller,
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Wanted>,
) -> Result<HttpResponse, Problem> {
    let Wanted { new, password, transport } = body.read().await?;
    page.admit_for(transport)?;
    let new = NewAddress { address: address(&new)?, password: caller.confirmed_by(password.as_ref())? };
    let flow = state.addresses.add_second(&caller, new, &client_with_device(&request, &state)).await?;
    Ok(flow::asked(&flow, transport, &state.site))
}

/// Remove the second address
///
/// It gets a last notice. Also 204 if there is none.
#[utoipa::path(
    delete, path = "/auth/email/second", tag = "account", operation_id = "remove_second_email",
    request_body = Confirmation,
    responses((status = 204, description = "There is no second address"), Refusals<(Caller, NotRecent, BodyOfUsualSize, AddressError)>),
    security(("bearer" = []))
)]
pub async fn remove_second(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Confirmation>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let password = caller.confirmed_by(input.password.as_ref())?;
    state.addresses.remove_second(&caller, password, &client_with_device(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}
