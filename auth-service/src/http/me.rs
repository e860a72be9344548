//! `GET /auth/me` and `DELETE /auth/me`.

use super::{State, caller::Caller, client::client};
use crate::domain::{account::Account, password::Password};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{body::Body, ids::UserId, problem::Problem};

/// A user, as answers show one.
#[derive(Serialize)]
pub struct User<'a> {
    id: UserId,
    email: &'a str,
    name: Option<&'a str>,
    roles: &'a [String],
    #[serde(flatten)]
    more: Option<More<'a>>,
}

#[derive(Serialize)]
struct More<'a> {
    custom: &'a Map<String, Value>,
    disabled: bool,
    created_at: String,
}

impl<'a> User<'a> {
    /// What somebody who has just registered is told.
    pub fn registered(account: &'a Account) -> Self {
        Self {
            id: account.id,
            email: account.email.as_str(),
            name: account.name.as_ref().map(|name| name.as_str()),
            roles: &account.roles,
            more: None,
        }
    }

    /// All that the user and admins see.
    pub fn whole(account: &'a Account) -> Self {
        let more =
            More { custom: &account.custom, disabled: account.disabled, created_at: account.created_at.rfc3339() };
        Self { more: Some(more), ..Self::registered(account) }
    }
}

/// Tells the caller who the caller is.
pub async fn me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(User::whole(&caller.account))
}

/// The password again, to confirm.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    password: Password,
}

/// Deletes the caller's account.
pub async fn delete(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body<Confirmation>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    state.auth.delete_account(&caller, &input.password, &client(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}
