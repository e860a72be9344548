//! `POST /auth/confirm`.

use super::password::reset::confirmed;
use crate::{
    domain::{
        confirmation::{ConfirmError, Confirmation},
        passwords::Password,
        proofs::FlowSecret,
        sessions::refresh_token::Transport,
    },
    http::{
        State,
        answer::tokens,
        auth::{
            login::new_session,
            register::{RefusedName, person_name},
        },
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

/// The code of a mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CodeOfMail)]
pub struct Shown {
    /// The flow, from the answer that announced the mail, or from the link.
    #[schema(value_type = String, format = Uuid)]
    flow: ProofId,
    /// The code, in either case, with or without the hyphen.
    #[schema(example = "7H2K-9QXD")]
    code: String,
    /// With transport `body`: the flow's secret. A registration needs it.
    #[schema(value_type = Option<String>)]
    flow_secret: Option<FlowSecret>,
    /// To accept an invitation: the password of the new account; easily guessed ones are refused.
    #[schema(value_type = Option<String>, format = Password, min_length = 8, max_length = 256)]
    password: Option<Password>,
    /// To accept an invitation: the user's name, as at `/auth/register`.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// How the refresh token will be carried.
    #[serde(default)]
    transport: Transport,
}

/// Confirm with the code of a mail
///
/// A registration: the account is created, and the client is logged in. Only the client that registered can do this: to any other
/// one, such as another browser in which the link of the mail was opened, the answer is 403 `other_client`, and the code stays good.
/// A login by code: the same. An invitation: the account is created with `password` and `name`, and the client is logged in. An address of an
/// account: it is verified or changed; a change is undone, which ends all sessions and removes the password. Nothing but this call uses up a code, and five wrong ones do too. A forgotten password is replaced
/// by `/auth/password/reset` instead.
#[utoipa::path(
    post, path = "/auth/confirm", tag = "login", operation_id = "confirm",
    request_body = Shown,
    responses(
        (status = 200, description = "Confirmed, and a session has begun", body = tokens::Answer<'_>, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the refresh token"),
        )),
        (status = 204, description = "Confirmed; nobody is logged in by it"),
        Refusals<(Page, BodyOfUsualSize, RefusedName, ConfirmError)>,
    )
)]
pub async fn confirm(
    page: Page,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Shown>,
) -> Result<HttpResponse, Problem> {
    let Shown { flow, code, flow_secret, password, name, transport } = body.read().await?;
    page.admit_for(transport)?;
    let secret = flow::secret(&request, &state.site, flow, flow_secret);
    let shown = Confirmation {
        flow,
        code: &code,
        secret: secret.as_ref(),
        password: password.as_ref(),
        name: person_name(name.as_deref())?,
        session: new_session(transport, &request, &state),
    };
    let tokens = state.confirmer.confirm(shown, &client(&request, &state)).await?;
    Ok(confirmed(tokens.as_ref(), &request, &state))
}
