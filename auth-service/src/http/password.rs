//! `POST /auth/password`.

use super::{State, caller::Caller, client::client};
use crate::domain::password::Password;
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use shared::{body::Body, problem::Problem};

/// The present password, and the next.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    current: Password,
    new: Password,
}

/// Changes the caller's password; all other sessions end.
pub async fn change(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Change>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    state.auth.change_password(&caller, &input.current, &input.new, &client(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}
