//! `POST /auth/revoke`: token revocation (RFC 7009).

use crate::{
    domain::{Unavailable, passwords::Password as Secret},
    http::{
        State,
        request::client::{client, read},
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};
use serde::Deserialize;
use shared::{
    body::{Form, FormOfUsualSize},
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;

/// A token to revoke (RFC 7009, section 2.1).
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenToRevoke)]
pub struct Asked {
    /// A refresh token of either transport, or an access token.
    #[schema(value_type = String, required = true, min_length = 1)]
    token: Option<Secret>,
    /// Not needed: the token says what it is.
    #[serde(rename = "token_type_hint")]
    #[schema(value_type = Option<String>, nullable = false, rename = "token_type_hint")]
    _hint: Option<String>,
}

/// There is nothing to revoke.
struct WithoutToken;

impl Refuses for WithoutToken {
    fn problems() -> Vec<Problem> {
        vec![without_token()]
    }
}

fn without_token() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", "this call takes a form with a token (RFC 7009)")
}

/// Revoke a token
///
/// RFC 7009. A refresh token ends its session, as a logout does. An access token is refused from then on, here at once and within a
/// second by verifiers that follow the revocation feed; its session goes on. What is not a token of this service, or is
/// not good any more, needs no revocation: the answer is 200 as well.
#[utoipa::path(
    post, path = "/auth/revoke", tag = "login", operation_id = "revoke_token",
    request_body(content = Asked, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is of no use any more"),
        Refusals<(FormOfUsualSize, WithoutToken, Unavailable)>,
    )
)]
pub async fn revoke(request: HttpRequest, state: Data<State>, form: Form<Asked>) -> Result<HttpResponse, Problem> {
    let asked = form.read().await?;
    let token = asked.token.as_ref().map(Secret::expose).filter(|token| !token.is_empty()).ok_or_else(without_token)?;
    let client = client(&request, &state);
    if let Some(token) = read(token.as_bytes(), &state) {
        state.sessions.logout(&token, &client).await?;
    } else if let Ok(token) = state.verifier.verify(token, &state.keys.active().verification) {
        state.sessions.revoke(&token, &client).await?;
    }
    Ok(HttpResponse::Ok().insert_header((header::PRAGMA, "no-cache")).finish())
}
