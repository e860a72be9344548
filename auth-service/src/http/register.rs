//! `POST /auth/register`.

use super::{State, client::client, me::User, origin::AllowedOrigin};
use crate::domain::{
    account::{EmailAddress, PersonName},
    password::Password,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;
use shared::{body::Body, problem::Problem};

/// Who wants to register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    email: String,
    password: Password,
    name: Option<String>,
}

/// Registers a user.
pub async fn register(
    _: AllowedOrigin,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Registration>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let email = EmailAddress::parse(&input.email).map_err(|error| unprocessable("invalid_email", error.to_string()))?;
    let name = input.name.as_deref().map(PersonName::parse).transpose();
    let name = name.map_err(|error| unprocessable("invalid_name", error.to_string()))?;
    let account = state.auth.register(email, &input.password, name, &client(&request, &state)).await?;
    Ok(HttpResponse::Created().json(User::registered(&account)))
}

fn unprocessable(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
}
