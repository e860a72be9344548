//! `GET /auth/me/export`: what is known of the user, to take along (GDPR, articles 15 and 20).

use super::{factors::Factors, me::User, passkeys::Shown, sessions::Session};
use crate::{
    domain::Unavailable,
    http::{
        State,
        admin::audit::Listed,
        request::{caller::Caller, client::client},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{openapi::Refusals, problem::Problem};
use utoipa::ToSchema;

/// Everything that is known of a user.
#[derive(Serialize, ToSchema)]
struct OwnData<'a> {
    /// When this was put together.
    #[schema(format = DateTime)]
    made_at: String,
    /// The account.
    user: User<'a>,
    /// What the user shows at a login; no secrets.
    factors: Factors,
    /// Where the user is logged in.
    sessions: Vec<Session<'a>>,
    /// The user's passkeys, the oldest first.
    passkeys: Vec<Shown<'a>>,
    /// The latest detected and suspected thefts of the user's refresh tokens, newest first.
    incidents: Vec<Listed<'a>>,
    /// What happened to the account, newest first, at most 1,000 events. If somebody else did it, who that was and from
    /// where is left out.
    events: Vec<Listed<'a>>,
    /// Whether there are older events; admins can list them.
    has_more_events: bool,
}

/// Get everything that is known of the current user
///
/// As one document, to keep or to take along: the account, its second factors and passkeys, its sessions, and what happened to it.
#[utoipa::path(
    get, path = "/auth/me/export", tag = "account", operation_id = "export_me",
    responses((status = 200, description = "The data", body = OwnData<'_>), Refusals<(Caller, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn export(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let devices = state.sessions.devices(&caller, &client(&request, &state)).await?;
    let passkeys = state.passkeys.of(caller.account.id).await?;
    let incidents = state.audit.incidents(caller.account.id).await?;
    let (events, has_more_events) = state.audit.of_user(caller.account.id).await?;
    Ok(HttpResponse::Ok().json(OwnData {
        made_at: state.clock.now().rfc3339(),
        user: User::of(&caller.account),
        factors: Factors::of(&caller, &state).await?,
        sessions: devices.iter().map(Session::on).collect(),
        passkeys: passkeys.iter().map(Shown::of).collect(),
        incidents: incidents.iter().map(Listed::of).collect(),
        events: events.iter().map(Listed::of).collect(),
        has_more_events,
    }))
}
