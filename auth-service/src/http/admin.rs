//! `/admin/users…`: the private list of users, and what admins change in it.

use super::{
    State,
    caller::{Permitted, UsersRead, UsersWrite},
    client::client,
    me::User,
};
use crate::domain::{
    account::{AccountChange, AccountQuery},
    admin::Admin,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    body::Body,
    ids::UserId,
    problem::{self, Problem},
};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;
const MAX_SEARCH_CHARS: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    limit: Option<u32>,
    cursor: Option<UserId>,
    q: Option<String>,
}

impl Listing {
    fn query(self) -> Option<AccountQuery> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let is_searchable =
            |text: &String| text.chars().count() <= MAX_SEARCH_CHARS && !text.chars().any(char::is_control);
        let fits = (1..=MAX_LIMIT).contains(&limit) && self.q.as_ref().is_none_or(is_searchable);
        fits.then(|| AccountQuery { search: self.q.filter(|text| !text.is_empty()), after: self.cursor, limit })
    }
}

/// Lists users.
pub async fn users(_: Permitted<UsersRead>, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let listing = Query::<Listing>::from_query(request.query_string()).ok();
    let query = listing.and_then(|listing| listing.into_inner().query()).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_query",
            "takes limit (1 to 200), cursor (the `next` of the page before) and q (at most 200 characters)",
        )
    })?;
    let (users, next) = state.auth.users(query).await?;
    let users: Vec<User<'_>> = users.iter().map(User::whole).collect();
    Ok(HttpResponse::Ok().json(json!({ "users": users, "next": next })))
}

/// What changes; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    roles: Option<Vec<String>>,
    disabled: Option<bool>,
    custom: Option<Map<String, Value>>,
}

/// Changes a user.
pub async fn change(
    caller: Permitted<UsersWrite>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Body<Change>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    let input = body.read().await?;
    let change = AccountChange { roles: input.roles, disabled: input.disabled, custom: input.custom };
    let client = client(&request, &state);
    let account = state.auth.change_user(&Admin { caller: &caller, client: &client }, id, change).await?;
    Ok(HttpResponse::Ok().json(User::whole(&account)))
}

/// Deletes a user.
pub async fn delete(
    caller: Permitted<UsersWrite>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let client = client(&request, &state);
    state.auth.delete_user(&Admin { caller: &caller, client: &client }, user_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends all sessions of a user.
pub async fn end_sessions(
    caller: Permitted<UsersWrite>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let client = client(&request, &state);
    state.auth.end_sessions_of(&Admin { caller: &caller, client: &client }, user_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| problem::not_found())
}
