//! `POST /auth/login`.

use super::{State, client::client, origin::AllowedOrigin, tokens};
use crate::domain::{account::EmailAddress, password::Password, refresh_token::Transport};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{body::Body, problem::Problem};

/// Who wants to log in, and how the refresh token will be carried.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    email: String,
    password: Password,
    #[serde(default)]
    transport: Transport,
}

/// Logs a user in.
pub async fn login(
    _: AllowedOrigin,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let email = EmailAddress::parse(&input.email).ok();
    let client = client(&request, &state);
    let tokens = state.auth.login(email, &input.password, input.transport, &client).await?;
    Ok(tokens::answer(&tokens, &state.site))
}
