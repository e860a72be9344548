//! Calls that have a mail sent that lets its reader in.

use super::register::address;
use crate::{
    domain::{proofs::FlowSecret, sessions::refresh_token::Transport, sign_in::by_mail::Way},
    http::{
        State,
        request::{client::client, flow, origin::Page},
    },
};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use shared::{body::Body, ids::ProofId, problem::Problem};
use utoipa::ToSchema;

/// The address of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AddressOfAccount, example = json!({ "email": "ada@example.com", "transport": "body" }))]
pub struct AddressOfAccount {
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

/// Has the mail sent, if there is an account. The answer is the same if there is none.
pub async fn ask(
    way: Way,
    page: &Page,
    request: &HttpRequest,
    state: &State,
    body: Body<AddressOfAccount>,
) -> Result<HttpResponse, Problem> {
    let AddressOfAccount { email, transport, flow, flow_secret } = body.read().await?;
    page.admit_for(transport)?;
    let email = address(&email)?;
    let earlier = flow::earlier(request, &state.site, flow, flow_secret);
    let earlier = earlier.as_ref().map(|(flow, secret)| (*flow, secret));
    let flow = state.by_mail.ask(way, email, earlier, &client(request, state)).await?;
    Ok(flow::asked(&flow, transport, &state.site))
}
