//! `POST /auth/login/code`.

use crate::{
    domain::sign_in::by_mail::{LoginCodeError, Way},
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

/// Ask for a mail to log in without the password
///
/// If there is an account with this address, its user gets a mail with a code and a link; `/auth/confirm` logs this client in with it,
/// and no other. The answer is the same if there is no account. 403 `login_code_off` unless `AUTH_LOGIN_CODE` is `on`.
#[utoipa::path(
    post, path = "/auth/login/code", tag = "login", operation_id = "ask_for_login_code",
    request_body = AddressOfAccount,
    responses(
        (status = 202, description = "A mail is on its way, if there is an account", body = flow::Asked, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the flow and its secret"),
        )),
        Refusals<(Page, BodyOfUsualSize, InvalidAddress, LoginCodeError)>,
    )
)]
pub async fn code(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<AddressOfAccount>,
) -> Result<HttpResponse, Problem> {
    state.by_mail.admit_login()?;
    ask(Way::Login, &page, &request, &state, body).await
}
