//! `POST /auth/email/verify`.

use crate::{
    domain::{proofs::AskError, sessions::refresh_token::Transport},
    http::{
        State,
        request::{caller::Caller, client::client, flow},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use shared::{openapi::Refusals, problem::Problem};

/// Ask for a mail to verify the current user's address
///
/// The mail has a code for `/auth/confirm`. An address that is verified already may be verified again.
#[utoipa::path(
    post, path = "/auth/email/verify", tag = "account", operation_id = "verify_email",
    responses((status = 202, description = "A mail is on its way", body = flow::Asked), Refusals<(Caller, AskError)>),
    security(("bearer" = []))
)]
pub async fn verify(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let flow = state.addresses.verify(&caller, &client(&request, &state)).await?;
    Ok(flow::asked(&flow, Transport::Body, &state.site))
}
