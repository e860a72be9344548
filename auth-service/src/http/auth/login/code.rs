//! `POST /auth/login/code`.

use crate::{
    domain::{
        proofs::FlowSecret,
        sessions::refresh_token::Transport,
        sign_in::by_mail::{LoginCodeError, Way},
    },
    http::{
        State,
        auth::register::{InvalidAddress, address},
        request::{client::client, flow, origin::Page},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::ProofId,
    openapi::Refusals,
    problem::Problem,
};
use utoipa::ToSchema;

/// The address of an account to log in to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginByCode, example = json!({ "email": "ada@example.com", "transport": "body" }))]
pub struct ByCode {
    /// The address.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// How the flow's secret, and later the refresh token, will be carried: in a cookie (browsers) or in bodies.
    #[serde(default)]
    transport: Transport,
    /// With transport `body`, to have the mail sent again: the flow of the answer before.
    #[schema(value_type = Option<String>, format = Uuid)]
    flow: Option<ProofId>,
    /// The secret of that flow.
    #[schema(value_type = Option<String>)]
    flow_secret: Option<FlowSecret>,
}

/// Ask for a mail to log in without the password
///
/// If there is an account with this address, its user gets a mail with a code and a link; `/auth/confirm` logs this client in with it,
/// and no other. The answer is the same if there is no account. 403 `login_code_off` unless `AUTH_LOGIN_CODE` is `on`.
#[utoipa::path(
    post, path = "/auth/login/code", tag = "login", operation_id = "ask_for_login_code",
    request_body = ByCode,
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
    body: Body<ByCode>,
) -> Result<HttpResponse, Problem> {
    state.by_mail.admit_login()?;
    let ByCode { email, transport, flow, flow_secret } = body.read().await?;
    page.admit_for(transport)?;
    let email = address(&email)?;
    let earlier = flow::earlier(&request, &state.site, flow, flow_secret);
    let earlier = earlier.as_ref().map(|(flow, secret)| (*flow, secret));
    let flow = state.by_mail.ask(Way::Login, email, earlier, &client(&request, &state)).await?;
    Ok(flow::asked(&flow, transport, &state.site))
}
