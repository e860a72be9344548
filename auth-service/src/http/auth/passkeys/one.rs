//! `PATCH /auth/passkeys/{id}` and `DELETE /auth/passkeys/{id}`.

use super::{One, RefusedPasskeyName, Shown, passkey_name};
use crate::{
    domain::{factors::ChangeError, passkeys::RemovalError},
    http::{
        State,
        answer::refusals::{NoPasskeysHere, TooManyChanges},
        request::{
            caller::{Caller, Recent},
            client::client,
        },
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::PasskeyId,
    openapi::{NotFound, Refusals},
    problem::{self, Problem},
};
use utoipa::ToSchema;

/// What is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyChange, example = json!({ "name": "My phone" }))]
pub struct Change {
    /// What the user calls it from now on.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
}

/// Rename a passkey of the current user
#[utoipa::path(
    patch, path = "/auth/passkeys/{id}", tag = "account", operation_id = "rename_passkey",
    params(("id" = String, Path, format = Uuid, description = "The passkey's id")),
    request_body = Change,
    responses(
        (status = 200, description = "The passkey", body = One<'_>),
        Refusals<((Caller, TooManyChanges), NotFound, BodyOfUsualSize, RefusedPasskeyName, NoPasskeysHere)>,
    ),
    security(("bearer" = []))
)]
pub async fn rename(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Body<Change>,
) -> Result<HttpResponse, Problem> {
    state.passkeys.party()?;
    let id: PasskeyId = id.parse().map_err(|_| problem::not_found())?;
    let name = passkey_name(&body.read().await?.name)?;
    state.factors.admit_change(&client(&request, &state)).map_err(ChangeError::from)?;
    if !state.passkeys.rename(&caller, id, &name, &client(&request, &state)).await? {
        return Err(problem::not_found());
    }
    let passkeys = state.passkeys.of(caller.account.id).await?;
    let passkey = passkeys.iter().find(|passkey| passkey.id == id).ok_or_else(problem::not_found)?;
    Ok(HttpResponse::Ok().json(One { passkey: Shown::of(passkey), recovery_codes: None }))
}

/// Remove a passkey of the current user
///
/// Its user is notified by mail. Sessions that it began go on. 409 `last_way_in` if the user has neither a password nor another
/// passkey.
#[utoipa::path(
    delete, path = "/auth/passkeys/{id}", tag = "account", operation_id = "remove_passkey",
    params(("id" = String, Path, format = Uuid, description = "The passkey's id")),
    responses((status = 204, description = "Passkey removed"), Refusals<(Recent, RemovalError, NoPasskeysHere, TooManyChanges)>),
    security(("bearer" = []))
)]
pub async fn remove(
    caller: Recent,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    state.passkeys.party()?;
    let id: PasskeyId = id.parse().map_err(|_| problem::not_found())?;
    state.factors.admit_change(&client(&request, &state)).map_err(ChangeError::from)?;
    state.passkeys.remove(&caller, id, &client(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}
