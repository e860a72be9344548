//! `POST /auth/register`.

use super::me::Registered;
use crate::{
    domain::{
        accounts::{EmailAddress, InvalidEmail, InvalidName, PersonName},
        passwords::Password,
        proofs::FlowSecret,
        sessions::refresh_token::Transport,
        sign_in::register::{self, RegisterError},
    },
    http::{
        State,
        request::{client::client, flow, origin::AllowedOrigin},
    },
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::ProofId,
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;

/// A user to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "password": "correct horse battery", "name": "Ada" }))]
pub struct Registration {
    /// An address in ASCII, stored in lower case.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// The password. Easily guessed ones are refused, and, if the service looks them up, ones that are known from breaches. A
    /// service may ask for more than 8 characters: the problem says how many.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    password: Password,
    /// The user's name: not only whitespace, no control characters, and none that change the direction of text.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]*[^\s\x00-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF][^\x00-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]*$"
    )]
    name: Option<String>,
    /// If the address must be confirmed first: how the flow's secret, and later the refresh token, will be carried.
    #[serde(default)]
    transport: Transport,
    /// With transport `body`, to have the mail sent again: the flow of the answer before.
    #[schema(value_type = Option<String>, format = Uuid)]
    flow: Option<ProofId>,
    /// The secret of that flow.
    #[schema(value_type = Option<String>)]
    flow_secret: Option<FlowSecret>,
}

/// Register a user
///
/// The user gets the role `reader`, unless `AUTH_DEFAULT_ROLE` says otherwise, and is not logged in. With
/// `AUTH_REGISTRATION` `invite` or `closed`, the answer is always 403 `registration_closed`. With `AUTH_REGISTRATION_PROOF=on`, as it is where mails
/// are sent, the answer is always 202: the account is created by `/auth/confirm`, with the code of a mail to the address.
#[utoipa::path(
    post, path = "/auth/register", tag = "login", operation_id = "register",
    request_body = Registration,
    responses(
        (status = 201, description = "The new user", body = Registered<'_>),
        (status = 202, description = "A mail is on its way, whether or not the address has an account", body = flow::Asked, headers(
            ("Set-Cookie" = String, description = "With transport `cookie`: the flow and its secret"),
        )),
        Refusals<(AllowedOrigin, BodyOfUsualSize, Invalid, RegisterError)>,
    )
)]
pub async fn register(
    _: AllowedOrigin,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Registration>,
) -> Result<HttpResponse, Problem> {
    state.registrar.admit()?;
    let input = body.read().await?;
    let (email, name) = (address(&input.email)?, person_name(input.name.as_deref())?);
    let earlier = flow::earlier(&request, &state.site, input.flow, input.flow_secret);
    let earlier = earlier.as_ref().map(|(flow, secret)| (*flow, secret));
    let client = client(&request, &state);
    Ok(match state.registrar.register(email, &input.password, name, earlier, &client).await? {
        register::Registered::Account(account) => HttpResponse::Created().json(Registered::of(&account)),
        register::Registered::Asked(flow) => flow::asked(&flow, input.transport, &state.site),
    })
}

/// An address, or 422 `invalid_email`.
pub(in crate::http) fn address(text: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(text).map_err(|error| unprocessable("invalid_email", error.to_string()))
}

/// A name, or 422 `invalid_name`.
pub(in crate::http) fn person_name(text: Option<&str>) -> Result<Option<PersonName>, Problem> {
    text.map(PersonName::parse).transpose().map_err(|error| unprocessable("invalid_name", error.to_string()))
}

/// How an invalid address is refused.
pub(in crate::http) struct InvalidAddress;

impl Refuses for InvalidAddress {
    fn problems() -> Vec<Problem> {
        vec![unprocessable("invalid_email", InvalidEmail.to_string())]
    }
}

/// How an invalid name is refused.
pub(in crate::http) struct RefusedName;

impl Refuses for RefusedName {
    fn problems() -> Vec<Problem> {
        vec![unprocessable("invalid_name", InvalidName.to_string())]
    }
}

/// How an invalid address or name is refused.
pub(in crate::http) struct Invalid;

impl Refuses for Invalid {
    fn problems() -> Vec<Problem> {
        let (email, name) = (InvalidEmail.to_string(), InvalidName.to_string());
        vec![unprocessable("invalid_email", email), unprocessable("invalid_name", name)]
    }
}

fn unprocessable(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
}
