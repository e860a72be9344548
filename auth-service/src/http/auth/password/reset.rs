//! `POST /auth/password/reset`.

use crate::{
    domain::{
        passwords::Password,
        proofs::FlowSecret,
        sessions::{refresh_token::Transport, tokens::Tokens},
        sign_in::recovery::{NewPassword, ResetError},
    },
    http::{
        State,
        answer::tokens,
        auth::login::new_session,
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

/// The code of a mail, and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordReset)]
pub struct Reset {
    /// The flow, from the answer to `/auth/password/forgot` or from the link.
    #[schema(value_type = String, format = Uuid)]
    flow: ProofId,
    /// The code, in either case, with or without the hyphen.
    #[schema(example = "7H2K-9QXD")]
    code: String,
    /// The new password; easily guessed ones are refused.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    new: Password,
    /// With transport `body`: the flow's secret, so that the answer holds tokens.
    #[schema(value_type = Option<String>)]
    flow_secret: Option<FlowSecret>,
    /// How the refresh token will be carried.
    #[serde(default)]
    transport: Transport,
}

/// Set a new password with the code of a mail
///
/// All sessions of the user end. The client that asked for the mail is logged in; any other one, such as the browser in
/// which the link of the mail was opened, is not, and neither is a user who has a second factor, who then logs in with the new
/// password. A refused password does not spend the code. Five wrong codes do.
#[utoipa::path(
    post, path = "/auth/password/reset", tag = "login", operation_id = "reset_password",
    request_body = Reset,
    responses(
        (status = 200, description = "The password is set, and a session has begun", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token"),
        )),
        (status = 204, description = "The password is set: log in with it, or go back to the window in which the mail was asked for"),
        Refusals<(Page, BodyOfUsualSize, ResetError)>,
    )
)]
pub async fn reset(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Reset>,
) -> Result<HttpResponse, Problem> {
    let Reset { flow, code, new, flow_secret, transport } = body.read().await?;
    page.admit_for(transport)?;
    let secret = flow::secret(&request, &state.site, flow, flow_secret);
    let session = new_session(transport, &request, &state);
    let new = NewPassword { flow, code: &code, secret: secret.as_ref(), password: &new, session };
    let tokens = state.recovery.reset(new, &client(&request, &state)).await?;
    Ok(confirmed(tokens.as_ref(), &request, &state))
}

/// 200 with tokens, or 204 for a client that did not ask.
pub(in crate::http::auth) fn confirmed(tokens: Option<&Tokens>, request: &HttpRequest, state: &State) -> HttpResponse {
    let mut answer = if tokens.is_some() { HttpResponse::Ok() } else { HttpResponse::NoContent() };
    flow::clear(&mut answer, request, &state.site);
    match tokens {
        Some(tokens) => tokens::finish(answer, tokens, request, &state.site),
        None => answer.finish(),
    }
}
