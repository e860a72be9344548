//! `POST /auth/password/forgot`.

use crate::{
    domain::{proofs::AskError, sign_in::by_mail::Way},
    http::{
        State,
        auth::{
            by_mail::{AddressOfAccount, ask},
            register::InvalidAddress,
        },
        request::{flow, origin::Page},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use shared::{
    body::{Body, BodyOfUsualSize},
    openapi::Refusals,
    problem::Problem,
};

/// Ask for a mail to set a new password
///
/// If there is an account with this address, its user gets a mail with a code and a link. The answer is the same if there is
/// none. Asking again within a flow repeats the same code, at most once a minute.
#[utoipa::path(
    post, path = "/auth/password/forgot", tag = "login", operation_id = "forgot_password",
    request_body = AddressOfAccount,
    responses(
        (status = 202, description = "A mail is on its way, if there is an account", body = flow::Asked, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the flow and its secret"),
        )),
        Refusals<(Page, BodyOfUsualSize, InvalidAddress, AskError)>,
    )
)]
pub async fn forgot(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<AddressOfAccount>,
) -> Result<HttpResponse, Problem> {
    ask(Way::NewPassword, &page, &request, &state, body).await
}
