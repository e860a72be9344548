//! `POST /auth/password/forgot`.

use crate::{
    domain::{
        proofs::{AskError, FlowSecret},
        sessions::refresh_token::Transport,
        sign_in::by_mail::Way,
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

/// The address of an account whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForgottenPassword, example = json!({ "email": "ada@example.com", "transport": "body" }))]
pub struct Forgotten {
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

/// Ask for a mail to set a new password
///
/// If there is an account with this address, its user gets a mail with a code and a link. The answer is the same if there is
/// none. Asking again within a flow repeats the same code, at most once a minute.
#[utoipa::path(
    post, path = "/auth/password/forgot", tag = "login", operation_id = "forgot_password",
    request_body = Forgotten,
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
    body: Body<Forgotten>,
) -> Result<HttpResponse, Problem> {
    let Forgotten { email, transport, flow, flow_secret } = body.read().await?;
    page.admit_for(transport)?;
    let email = address(&email)?;
    let earlier = flow::earlier(&request, &state.site, flow, flow_secret);
    let earlier = earlier.as_ref().map(|(flow, secret)| (*flow, secret));
    let flow = state.by_mail.ask(Way::NewPassword, email, earlier, &client(&request, &state)).await?;
    Ok(flow::asked(&flow, transport, &state.site))
}
