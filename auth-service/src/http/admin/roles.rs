//! `GET /admin/roles`: what may be granted.

use crate::{
    domain::accounts::roles::Roles,
    http::{
        State,
        request::caller::{Permitted, UsersRead},
    },
};
use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use shared::openapi::Refusals;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The roles of this installation.
#[derive(Serialize, ToSchema)]
#[schema(as = Roles)]
struct Listed<'a> {
    /// In the order of their names.
    roles: Vec<Role<'a>>,
}

/// A role.
#[derive(Serialize, ToSchema)]
struct Role<'a> {
    /// Its name.
    name: &'a str,
    /// The scopes that it grants, in order.
    scopes: &'a BTreeSet<String>,
}

impl<'a> Listed<'a> {
    fn of(roles: &'a Roles) -> Self {
        Self { roles: roles.iter().map(|(name, scopes)| Role { name, scopes }).collect() }
    }
}

/// List the roles
///
/// Those that a user may be given, with the scopes that they grant.
#[utoipa::path(
    get, path = "/admin/roles", tag = "users", operation_id = "list_roles",
    responses((status = 200, description = "The roles", body = Listed<'_>), Refusals<(Permitted<UsersRead>,)>),
    security(("bearer" = []))
)]
pub async fn list_roles(_: Permitted<UsersRead>, state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(Listed::of(&state.roles))
}
