//! `GET /auth/factors`.

use crate::{
    domain::{
        self, Client, Unavailable,
        factors::{Enrolled, Owner, RecoveryCode},
    },
    http::{
        State,
        request::{caller::Caller, client::client},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{
    clock::Timestamp,
    openapi::{NotFound, Refusals},
    problem::{self, Problem},
};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What a user shows at a login.
#[derive(Serialize, ToSchema)]
pub struct Factors {
    /// Whether the user has a password.
    password: bool,
    /// The authenticator app, if there is a confirmed one.
    #[schema(required = true)]
    totp: Option<App>,
    /// How many passkeys there are.
    passkeys: u32,
    /// How many recovery codes are not used yet.
    recovery_codes_left: u32,
    /// Whether this service wants the user to have a second factor, and the user has none.
    second_factor_needed: bool,
    /// When an administrator will have all factors removed, unless the user stops it (`DELETE /auth/factors/reset`).
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_due_at: Option<String>,
}

/// An authenticator app.
#[derive(Serialize, ToSchema)]
struct App {
    /// When it was set up.
    #[schema(format = DateTime)]
    confirmed_at: String,
}

impl Factors {
    /// The caller's.
    pub async fn of(caller: &Caller, state: &State) -> Result<Self, Unavailable> {
        let sub = caller.account.id;
        let (enrolled, reset_due_at) = state.factor_resets.of(sub).await?;
        let Enrolled { totp, recovery_codes_left, passkeys } = enrolled;
        Ok(Self {
            password: state.my_account.has_password(sub).await?,
            totp: totp.map(Timestamp::rfc3339).map(|confirmed_at| App { confirmed_at }),
            passkeys,
            recovery_codes_left,
            second_factor_needed: !enrolled.has_second_factor()
                && state.roles.ask_for_second_factor(&caller.account.roles),
            reset_due_at: reset_due_at.map(Timestamp::rfc3339),
        })
    }
}

/// See what the current user shows at a login
#[utoipa::path(
    get, path = "/auth/factors", tag = "account", operation_id = "get_factors",
    responses((status = 200, description = "The factors", body = Factors), Refusals<(Caller, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn get_factors(caller: Caller, state: Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Factors::of(&caller, &state).await?))
}

/// Keep the factors that an administrator wants removed
///
/// Only while a removal is to come: 404 otherwise. The administrator sees it in the audit log.
#[utoipa::path(
    delete, path = "/auth/factors/reset", tag = "account", operation_id = "stop_factor_reset",
    responses((status = 204, description = "The factors stay"), Refusals<(Caller, NotFound, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn stop_reset(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    if state.factor_resets.stop(&caller.account, &client(&request, &state)).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(problem::not_found())
    }
}

/// The caller, who changes their own factors.
pub(super) fn owner<'a>(caller: &'a domain::sessions::caller::Caller, client: &'a Client) -> Owner<'a> {
    Owner { account: &caller.account, session: caller.session, client }
}

/// Recovery codes as they are shown.
pub(super) fn shown(codes: &[RecoveryCode]) -> Vec<Zeroizing<String>> {
    codes.iter().map(RecoveryCode::expose).collect()
}
